"""A trained model's outputs on all examples of a split."""

from collections.abc import Callable

import torch
from torch import Tensor

BATCH = 250


@torch.no_grad()
def outputs(function: Callable[[Tensor], Tensor], inputs: Tensor, batch: Callable[[Tensor], Tensor]) -> Tensor:
    """A function of inputs as `batch` makes them, on inputs [n, ...] as they are kept, some at a time."""
    return torch.cat([function(batch(some)) for some in inputs.split(BATCH)])
