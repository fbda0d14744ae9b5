"""AugMix: mixtures of chains of augmentations, and predictions that agree over them (Hendrycks et al. 2020, arXiv
1912.02781)."""

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from pipelines.parts import Count, NonNegative, Positive
from pipelines.supervised.method import Method, Step
from pipelines.vision.methods._augmentation import drawn
from pipelines.vision.methods._consistency import jensen_shannon

TUNED = {"severity": (1.0, 6.0, "linear"), "weight": (1.0, 20.0, "log")}
DEPTH = 3


def method(*, severity: Positive = 3.0, chains: Count = 3, weight: NonNegative = 4.0) -> Method:
    """severity: largest strength of an operation, up to 10. chains: of one to three operations, mixed in random
    proportions, then with the image itself. weight: of the Jensen-Shannon divergence between the predictions on the
    image and on two mixtures (the paper has 12, for hundreds of epochs). Cost 4.5. Claimed gains: robustness to
    corruptions, calibration."""

    def loss(step: Step) -> Tensor:
        views = torch.cat([step.inputs, *mixtures(step, 2, chains, severity)])
        logits = step.model(views).unflatten(0, (3, -1))
        return cross_entropy(logits[0], step.labels) + weight * jensen_shannon(logits)

    return Method(loss, cost=4.5)


@torch.no_grad()
def mixtures(step: Step, views: int, chains: int, severity: float) -> Tensor:
    """Mixtures [views, n, 3, size, size] of each image with its augmentations; weights from Dirichlet(1, ..., 1) and,
    for the image itself, from Beta(1, 1)."""
    shape = (views, chains, len(step.labels))
    depths = (step.uniform(*shape) * DEPTH).flatten()
    images = step.inputs.repeat(views * chains, 1, 1, 1)
    for depth in range(DEPTH):
        images = torch.where((depth <= depths)[:, None, None, None], drawn(step, images, severity), images)
    shares = -(1 - step.uniform(*shape)).log()
    shares = shares / shares.sum(1, keepdim=True)
    mixed = (shares[..., None, None, None] * images.unflatten(0, shape)).sum(1)
    own = step.uniform(views, len(step.labels))[..., None, None, None]
    return torch.lerp(mixed, step.inputs, own)
