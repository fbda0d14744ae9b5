"""Auto-PGD: gradient ascent with momentum that halves its steps by itself (Croce & Hein 2020, arXiv 2003.01690)."""

import itertools
import math
from dataclasses import dataclass, fields

import torch
from torch import Tensor

from pipelines.vision.attacks._balls import Ball, Reach
from pipelines.vision.attacks._losses import cross_entropy
from pipelines.vision.attacks._watch import Loss, Model, Watch, drop_none, gradients_of, part

GRADIENT_SHARE = 0.75  # of a step; the rest is the last step's
ENOUGH = 0.75  # share of a stretch's steps that must raise the loss, or the step is halved


def apgd(
    model: Model,
    images: Tensor,
    labels: Tensor,
    start: Tensor,
    ball: Ball,
    *,
    steps: int,
    loss: Loss = cross_entropy,
    targets: Tensor | None = None,
    watch: Watch = drop_none,
) -> Tensor:
    """For each image the point of the highest loss found from `images + start`, or where `watch` had it dropped.
    `targets`: what the loss takes beside the labels, if anything. Raises ValueError for pixels outside [0, 1]."""
    reach = ball.around(images)
    climb = _begin(model, reach, start, labels, labels if targets is None else targets, loss)
    found = climb.point.clone()
    stretches = checkpoints(steps)
    for step in range(steps + 1):
        dropped = watch(climb.rows, climb.point, climb.logits)
        if dropped.any():
            found[climb.rows[dropped]] = climb.point[dropped]
            climb.keep(~dropped)
        if step == steps or not len(climb.rows):
            break
        if step in stretches:
            climb.adapt(stretches[step])
        climb.move(first=step == 0)
        climb.look(loss, gradient=step < steps - 1)
    found[climb.rows] = climb.best
    return found


def checkpoints(steps: int) -> dict[int, int]:
    """The steps after which the step's size is looked at, each with the number of steps since the one before."""
    percent = [0, 22]
    while percent[-1] < 100:
        percent.append(percent[-1] + max(percent[-1] - percent[-2] - 3, 6))
    places = sorted({math.ceil(each * steps / 100) for each in percent if each < 100})
    return {after: after - before for before, after in itertools.pairwise(places)}


@dataclass
class Climb:
    """Where the search stands with the images it still works on; `rows` are their positions in the batch, `model` is
    theirs.

    point, before     [n, 3, size, size], now and a step ago
    logits, loss, gradient, at the point
    best, best_loss, best_gradient, at the highest point so far
    size              of the step, [n, 1, 1, 1]
    rises             how many steps raised the loss since the last checkpoint; best_then, halved: as it was there
    """

    model: Model
    rows: Tensor
    reach: Reach
    labels: Tensor
    targets: Tensor
    point: Tensor
    before: Tensor
    logits: Tensor
    loss: Tensor
    gradient: Tensor
    best: Tensor
    best_loss: Tensor
    best_gradient: Tensor
    size: Tensor
    rises: Tensor
    best_then: Tensor
    halved: Tensor

    def keep(self, rows: Tensor) -> None:
        """Go on with some of the images."""
        self.model, self.reach = part(self.model, rows), self.reach.keep(rows)
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(value, Tensor):
                setattr(self, field.name, value[rows])

    def move(self, first: bool) -> None:
        """A step along the gradient, and from the second on a share of the last step."""
        ahead = torch.addcmul(self.point, self.size, self.reach.ball.direction(self.gradient))
        ahead = self.reach.project(ahead)
        if not first:  # in place: a fresh block of memory for each term costs as much as the arithmetic
            ahead.mul_(GRADIENT_SHARE).add_(self.point, alpha=2 - 2 * GRADIENT_SHARE)
            ahead.sub_(self.before, alpha=1 - GRADIENT_SHARE)
            ahead = self.reach.project(ahead)
        self.before, self.point = self.point, ahead

    def look(self, loss: Loss, gradient: bool) -> None:
        """The loss at the point, with its gradient where another step follows."""

        def losses(logits: Tensor) -> Tensor:
            return loss(logits, self.labels, self.targets)

        last = self.loss
        if gradient:
            self.logits, self.loss, self.gradient = gradients_of(self.model, self.point, losses)
        else:
            with torch.no_grad():
                self.logits = self.model(self.point)
                self.loss = losses(self.logits)
        self.rises += self.loss > last
        higher = self.loss > self.best_loss
        where = higher[:, None, None, None]
        self.best = torch.where(where, self.point, self.best)
        self.best_loss = torch.where(higher, self.loss, self.best_loss)
        self.best_gradient = torch.where(where, self.gradient, self.best_gradient)

    def adapt(self, steps: int) -> None:
        """Halve the step and go back to the highest point, where too few of the last steps raised the loss or, at the
        same step size, the highest point has stayed where it was."""
        stuck = (self.best_loss == self.best_then) & ~self.halved
        self.halved = (self.rises < ENOUGH * steps) | stuck
        where = self.halved[:, None, None, None]
        self.size = torch.where(where, self.size / 2, self.size)
        self.point = torch.where(where, self.best, self.point)
        self.gradient = torch.where(where, self.best_gradient, self.gradient)
        self.loss = torch.where(self.halved, self.best_loss, self.loss)
        self.best_then, self.rises = self.best_loss, torch.zeros_like(self.rises)


def _begin(model: Model, reach: Reach, start: Tensor, labels: Tensor, targets: Tensor, loss: Loss) -> Climb:
    point = reach.project(reach.images + start)
    logits, losses, gradient = gradients_of(model, point, lambda logits: loss(logits, labels, targets))
    count = len(labels)
    return Climb(
        model=model,
        rows=torch.arange(count, device=labels.device),
        reach=reach,
        labels=labels,
        targets=targets,
        point=point,
        before=point,
        logits=logits,
        loss=losses,
        gradient=gradient,
        best=point,
        best_loss=losses,
        best_gradient=gradient,
        size=torch.full((count, 1, 1, 1), 2 * reach.ball.epsilon, device=labels.device),
        rises=torch.zeros(count, dtype=torch.int64, device=labels.device),
        best_then=losses,
        halved=torch.zeros(count, dtype=torch.bool, device=labels.device),
    )
