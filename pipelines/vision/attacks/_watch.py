"""What an attack tells of every point it tries: who watches may have it drop images that are done with."""

from collections.abc import Callable

import torch
from torch import Tensor

from pipelines.supervised.several import Several

# Positions in the attack's batch, points and logits of the images it still works on -> which of them it may drop.
Watch = Callable[[Tensor, Tensor, Tensor], Tensor]
Model = Callable[[Tensor], Tensor]  # images [n, 3, size, size] in [0, 1] -> logits [n, classes]
Loss = Callable[[Tensor, Tensor, Tensor], Tensor]  # logits, labels, targets -> [n]


def drop_none(rows: Tensor, points: Tensor, logits: Tensor) -> Tensor:
    """Every image goes on to the end."""
    return torch.zeros(len(rows), dtype=torch.bool, device=rows.device)


def part(model: Model, rows: Tensor) -> Model:
    """What to ask for some of the rows that a model is asked for: the model itself, but where it is several."""
    return model.part(rows) if isinstance(model, Several) else model


def owners(model: Model, labels: Tensor) -> Tensor:
    """Which of several models each row [n] goes through: 0 where there is one."""
    return model.of if isinstance(model, Several) else torch.zeros_like(labels)


def gradients_of(model: Model, points: Tensor, loss: Callable[[Tensor], Tensor]) -> tuple[Tensor, Tensor, Tensor]:
    """Logits, losses [n], and the losses' gradients at the points. The gradients of the model's weights stay as they
    are, and are never computed."""
    points = points.detach().requires_grad_(True)
    with torch.enable_grad():
        logits = model(points)
        losses = loss(logits)
    (gradients,) = torch.autograd.grad(losses.sum(), points)
    return logits.detach(), losses.detach(), gradients
