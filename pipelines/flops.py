"""Floating-point operations of a computation, counted as it runs (torch's own formulas; a multiply-add is two)."""

from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

_ATEN = torch.ops.aten
_ON_CPU = {  # attention has a kernel of its own on the CPU, which torch's table leaves out
    _ATEN._scaled_dot_product_flash_attention_for_cpu: _ATEN._scaled_dot_product_efficient_attention,
    _ATEN._scaled_dot_product_flash_attention_for_cpu_backward: _ATEN._scaled_dot_product_efficient_attention_backward,
}
_FORMULAS = {**flop_registry, **{packet: flop_registry[alike] for packet, alike in _ON_CPU.items()}}


class FlopCount(TorchDispatchMode):
    """A context whose `total` is the FLOPs of matrix products, convolutions and attention inside it, backward too.

    torch's FlopCounterMode would do but for its hooks on modules, which break `torch.autograd.grad` on an input.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.total = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        formula = _FORMULAS.get(func._overloadpacket)
        if formula is not None:
            self.total += formula(*args, **(kwargs or {}), out_val=result)
        return result
