"""Elastic: the image's pixels flow along a smooth field (Xiao et al. 2018, arXiv 1801.02612)."""

from torch import Tensor

from pipelines.vision.attacks._fields import smooth, warped
from pipelines.vision.attacks._latents import Corruption

POINTS = 6  # of the field along a side


def elastic(strength: float) -> Corruption:
    """strength: furthest flow along each axis, as a share of the side."""

    def apply(images: Tensor, latents: Tensor) -> Tensor:
        size = images.shape[-1]
        return warped(images, strength * size * smooth(latents, size))

    return Corruption(lambda size: (2, POINTS, POINTS), apply)
