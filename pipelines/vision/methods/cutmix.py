"""CutMix: a box of another image is pasted in, and the label mixed by its area (Yun et al. 2019, arXiv 1905.04899)."""

import math

from scipy.special import betaincinv
from torch import Tensor
from torch.nn.functional import cross_entropy

from pipelines.parts import Positive, Share
from pipelines.supervised.method import Method, Step

TUNED = {"alpha": (0.1, 2.0, "log"), "share": (0.2, 1.0, "linear")}


def method(*, alpha: Positive = 0.3, share: Share = 0.5) -> Method:
    """alpha: of the Beta(alpha, alpha) that the box's share of the area is drawn from, one a batch (the paper has 1,
    for hundreds of epochs). share: of the batches that are mixed. Cost 1. Claimed gains: accuracy, robustness, anomaly
    detection."""

    def loss(step: Step) -> Tensor:
        mixed, area, height, width = step.uniform(4).tolist()
        if mixed >= share:
            return cross_entropy(step.model(step.inputs), step.labels)
        partner = step.permutation()
        images, pasted = pasted_over(
            step.inputs, step.inputs[partner], float(betaincinv(alpha, alpha, area)), (height, width)
        )
        logits = step.model(images)
        return (1 - pasted) * cross_entropy(logits, step.labels) + pasted * cross_entropy(logits, step.labels[partner])

    return Method(loss)


def pasted_over(images: Tensor, others: Tensor, area: float, centre: tuple[float, float]) -> tuple[Tensor, float]:
    """The images [n, 3, height, width] with a box of the others in its place, and the box's share of the pixels. area:
    that share before the box is cut off at the edges. centre: of the box, in [0, 1) of each side."""
    bounds = []
    for length, middle in zip(images.shape[2:], centre, strict=True):
        half = round(length * math.sqrt(area)) / 2
        bounds += [max(0, math.floor(middle * length - half)), min(length, math.floor(middle * length + half))]
    top, bottom, left, right = bounds
    mixed = images.clone()
    mixed[:, :, top:bottom, left:right] = others[:, :, top:bottom, left:right]
    return mixed, (bottom - top) * (right - left) / (images.shape[2] * images.shape[3])
