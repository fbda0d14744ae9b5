"""Fog: a veil of light grey whose density varies from coarse to fine (Kaufmann et al. 2019, arXiv 1908.08016)."""

from torch import Tensor

from pipelines.vision.attacks._fields import smooth
from pipelines.vision.attacks._latents import Corruption

POINTS = (2, 4, 8, 16)  # of the veil's layers along a side; each weighs half of the one before
GREY = 0.85


def fog(strength: float) -> Corruption:
    """strength: what the densest veil covers, as a share."""

    def apply(images: Tensor, latents: Tensor) -> Tensor:
        layers = latents.split([points**2 for points in POINTS], dim=1)
        whole = 0.0
        veil = images.new_zeros(len(images), 1, *images.shape[2:])
        for number, (points, layer) in enumerate(zip(POINTS, layers, strict=True)):
            weight = 0.5**number
            veil = veil + weight * smooth(layer.view(-1, 1, points, points), images.shape[-1])
            whole += weight
        cover = strength * (1 + veil / whole) / 2
        return images * (1 - cover) + GREY * cover

    return Corruption(lambda size: (sum(points**2 for points in POINTS),), apply)
