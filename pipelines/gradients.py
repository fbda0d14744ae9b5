"""Gradients of a loss with respect to a model's inputs, as attacks need them; its weights get none."""

from collections.abc import Callable

import torch
from torch import Tensor

InputLoss = Callable[[Tensor], Tensor]  # a scalar
Gradient = Callable[[InputLoss, Tensor], Tensor]  # of a loss, at a point


def gradient(loss: InputLoss, point: Tensor) -> Tensor:
    """Of the loss at the point."""
    point = point.detach().requires_grad_(True)
    with torch.enable_grad():
        (found,) = torch.autograd.grad(loss(point), point)
    return found


def gradient_of_each(loss: InputLoss, point: Tensor) -> Tensor:
    """The same where `torch.func.vmap` takes the loss for several models at once; slower for one alone."""
    with torch.no_grad():  # `grad` sees what it needs, and the weights learn nothing of it
        found: Tensor = torch.func.grad(loss)(point)
    return found
