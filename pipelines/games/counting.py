"""FLOPs of networks and of the small linear systems that payoffs are the solution of."""

from typing import Any

import torch

from pipelines.flops import FlopCount

SOLVE = torch.ops.aten._linalg_solve_ex


class SolveCount(FlopCount):
    """A context whose `total` also has the solving of linear systems, by elimination: 2/3 n^3 + 2 n^2 for each."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func._overloadpacket is SOLVE:
            n = args[0].shape[-1]
            self.total += int(args[0].numel() // n**2 * (2 / 3 * n**3 + 2 * n**2))
        return super().__torch_dispatch__(func, types, args, kwargs)
