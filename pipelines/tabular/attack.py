"""Projected gradient descent on the features that an attacker can change (Madry et al. 2018, arXiv 1706.06083)."""

from collections.abc import Callable

import torch
from torch import Tensor

from pipelines.gradients import Gradient, gradient


def attacked(
    loss: Callable[[Tensor], Tensor],
    rows: Tensor,
    start: Tensor,
    epsilon: float,
    step_size: float,
    steps: int,
    changeable: int,
    gradient: Gradient = gradient,
) -> Tensor:
    """Rows [n, features] whose first `changeable` features are moved, by at most `epsilon` each, so that the loss, a
    sum over rows, rises: signed gradient steps from `rows + start`, each projected back.
    """
    open_to_change = (torch.arange(rows.shape[1], device=rows.device) < changeable).float()
    moved = start * open_to_change
    for _ in range(steps):
        direction = gradient(loss, rows + moved).sign()
        moved = (moved + step_size * direction * open_to_change).clamp(-epsilon, epsilon)
    return rows + moved
