"""Gabor noise: a sum of short waves in four directions (Co et al. 2019, arXiv 1810.00470), each as strong as the
attacker likes (Kaufmann et al. 2019, arXiv 1908.08016)."""

import math

import torch
from torch import Tensor

from pipelines.vision.attacks._fields import points_along, stamped
from pipelines.vision.attacks._latents import Corruption

SPACING, SIDE = 4, 11  # of the waves' grid, and of a wave, in pixels
WIDTH, PERIOD = 2.5, 5.0  # of a wave, in pixels


def gabor(strength: float) -> Corruption:
    """strength: largest change of a pixel, of 1."""
    stamps = waves(4)

    def apply(images: Tensor, latents: Tensor) -> Tensor:
        noise = torch.tanh(stamped(latents, stamps, SPACING, images.shape[-1]))
        return (images + strength * noise).clamp(0, 1)

    return Corruption(lambda size: (4, points_along(size, SPACING), points_along(size, SPACING)), apply)


def waves(directions: int) -> Tensor:
    """Gabor kernels [directions, SIDE, SIDE]."""
    y, x = torch.meshgrid(torch.arange(SIDE) - SIDE // 2, torch.arange(SIDE) - SIDE // 2, indexing="ij")
    angles = torch.arange(directions)[:, None, None] * math.pi / directions
    along = torch.cos(angles) * x + torch.sin(angles) * y
    return torch.exp(-(x**2 + y**2) / (2 * WIDTH**2)) * torch.cos(2 * math.pi * along / PERIOD)
