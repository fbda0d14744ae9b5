"""A model at other weights than its own, for a moment."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm


@contextmanager
def moved(weights: list[Tensor], moves: list[Tensor]) -> Iterator[None]:
    """The weights moved; exactly what they were again at the end."""
    with torch.no_grad():
        before = [each.clone() for each in weights]
        torch._foreach_add_(weights, moves)
    yield
    with torch.no_grad():
        torch._foreach_copy_(weights, before)


@contextmanager
def still_statistics(model: nn.Module) -> Iterator[None]:
    """Batch norm by each batch's own statistics, none of which enters the running ones."""
    norms = [module for module in model.modules() if isinstance(module, _BatchNorm) and module.track_running_stats]
    for norm in norms:
        norm.track_running_stats = False
    yield
    for norm in norms:
        norm.track_running_stats = True
