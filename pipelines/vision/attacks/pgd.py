"""Projected gradient descent: steps of a fixed size along the gradient (Madry et al. 2018, arXiv 1706.06083)."""

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from pipelines.gradients import Gradient, gradient
from pipelines.vision.attacks._watch import Model, part


def projected_gradient(
    model: nn.Module,
    images: Tensor,
    labels: Tensor,
    start: Tensor,
    epsilon: float,
    step_size: float,
    steps: int,
    gradient: Gradient = gradient,
) -> Tensor:
    """Images within `epsilon` of the given ones (L-infinity, pixels in [0, 1]) that raise the cross-entropy: signed
    gradient steps from `images + start`, each projected back (Madry et al. 2018, arXiv 1706.06083)."""

    def loss(points: Tensor) -> Tensor:
        return cross_entropy(model(points).float(), labels, reduction="sum")

    low, high = (images - epsilon).clamp(min=0), (images + epsilon).clamp(max=1)
    attacked = torch.clamp(images + start, low, high)
    for _ in range(steps):
        attacked = torch.clamp(attacked + step_size * gradient(loss, attacked).sign(), low, high)
    return attacked


def worst_logits(
    model: Model, images: Tensor, labels: Tensor, start: Tensor, epsilon: float, step_size: float, steps: int
) -> Tensor:
    """Logits [n, classes] of each image's attack: at the first point that fools the model, else at the last one. An
    image that the model has wrong already is left as it is, and one that is broken drops out of later steps."""
    low, high = (images - epsilon).clamp(min=0), (images + epsilon).clamp(max=1)
    attacked = torch.clamp(images + start, low, high)
    with torch.no_grad():
        logits: Tensor = model(images)
    standing = (logits.argmax(1) == labels).nonzero()[:, 0]
    for number in range(steps + 1):
        if not len(standing):
            break
        points = attacked[standing].requires_grad_(number < steps)
        with torch.set_grad_enabled(number < steps):
            outputs = part(model, standing)(points)
        logits[standing] = outputs.detach()
        if number < steps:
            (gradient,) = torch.autograd.grad(cross_entropy(outputs, labels[standing], reduction="sum"), points)
            moved = points.detach() + step_size * gradient.sign()
            attacked[standing] = torch.clamp(moved, low[standing], high[standing])
        standing = standing[outputs.argmax(1) == labels[standing]]
    return logits
