"""Random convolutions: textures are changed, shapes stay, predictions must agree (RandConv; Xu et al. 2021, arXiv
2007.13003)."""

import torch
from torch import Tensor
from torch.nn.functional import conv2d, cross_entropy

from pipelines.parts import NonNegative, Share
from pipelines.supervised.method import Method, Step
from pipelines.vision.methods._consistency import jensen_shannon

TUNED = {"share": (0.2, 0.9, "linear"), "weight": (1.0, 20.0, "log")}
KERNELS = (1, 3, 5, 7)
VIEWS = 3


def method(*, share: Share = 0.5, weight: NonNegative = 3.0) -> Method:
    """share: of the views that are changed; the others are the batch as it is. weight: of the divergence between the
    predictions on three views (the paper has 10, for longer training). Cost 2.3. Claimed gains: robustness to shifts
    and to texture cues."""

    def loss(step: Step) -> Tensor:
        views = torch.cat([convolved(step) if float(step.uniform(1)) < share else step.inputs for _ in range(VIEWS)])
        logits = step.model(views).unflatten(0, (VIEWS, -1))
        task = cross_entropy(logits.flatten(0, 1), step.labels.repeat(VIEWS))
        return task + weight * jensen_shannon(logits)

    return Method(loss, cost=2.3)


@torch.no_grad()
def convolved(step: Step) -> Tensor:
    """The batch through one random convolution of a random size, mixed with itself in a random proportion; values may
    leave [0, 1]."""
    size, own = step.uniform(2).tolist()
    side = KERNELS[int(size * len(KERNELS))]
    kernel = step.normal(3, 3, side, side) / (3 * side * side) ** 0.5
    changed: Tensor = 0.5 + conv2d(step.inputs - 0.5, kernel, padding=side // 2)
    mixed: Tensor = own * step.inputs + (1 - own) * changed
    return mixed
