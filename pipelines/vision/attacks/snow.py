"""Snow: streaks of white, each as bright as the attacker likes (Kaufmann et al. 2019, arXiv 1908.08016)."""

import torch
from torch import Tensor

from pipelines.vision.attacks._fields import points_along, stamped
from pipelines.vision.attacks._latents import Corruption

SPACING = 4  # of the flakes, in pixels
STREAK = torch.eye(5) * torch.tensor([0.4, 0.8, 1.0, 0.8, 0.4])


def snow(strength: float) -> Corruption:
    """strength: what a flake at its brightest covers, as a share."""

    def apply(images: Tensor, latents: Tensor) -> Tensor:
        flakes = ((1 + latents) / 2) ** 2  # most are faint
        cover = strength * stamped(flakes, STREAK[None], SPACING, images.shape[-1]).clamp(0, 1)
        return images + (1 - images) * cover

    return Corruption(lambda size: (1, points_along(size, SPACING), points_along(size, SPACING)), apply)
