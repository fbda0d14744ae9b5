"""What a network costs, and bounds within which it is made to be counted."""

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode

MOST_NUMBERS, MOST_TENSORS = 2**28, 20_000  # of a network: 1 GiB of weights, some thousand layers
SIZED = tuple(getattr(torch.ops.aten, name) for name in ("empty", "zeros", "ones", "full", "randn", "rand"))


@dataclass(frozen=True)
class Cost:
    """Trainable parameters of a model, and FLOPs of one example through it and back."""

    parameters: int
    flops_an_example: float


class Bounded(TorchDispatchMode):
    """A context in which a network is made. Raises ValueError, before the memory is taken, on one that is too large."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.numbers = self.tensors = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func._overloadpacket in SIZED:
            self.numbers += math.prod(args[0])
            self.tensors += 1
            if self.numbers > MOST_NUMBERS or self.tensors > MOST_TENSORS:
                what = f"at least {self.numbers:.1e} numbers in {self.tensors:,} tensors"
                raise ValueError(f"too large: {what}; accepted: at most {MOST_NUMBERS:.1e} in {MOST_TENSORS:,}")
        return func(*args, **(kwargs or {}))
