"""Whirlpool: the image turned about several points, less and less away from each (Kaufmann et al. 2019,
arXiv 1908.08016)."""

import torch
from torch import Tensor

from pipelines.vision.attacks._fields import warped
from pipelines.vision.attacks._latents import Corruption

WHIRLS = 3  # along a side
REACH = 0.2  # of a whirl, as a share of the side


def whirlpool(strength: float) -> Corruption:
    """strength: largest turn at the middle of a whirl, in radians."""

    def apply(images: Tensor, latents: Tensor) -> Tensor:
        size, device = images.shape[-1], images.device
        centres = (torch.arange(WHIRLS, device=device) + 0.5) * size / WHIRLS - 0.5
        away = torch.arange(size, device=device)[None, :] - centres[:, None]
        down, beside = away[:, None, :, None], away[None, :, None, :]
        near = torch.exp(-(down**2 + beside**2) / (2 * (REACH * size) ** 2))
        turn = strength * latents[..., None, None] * near
        cos, sin = turn.cos() - 1, turn.sin()
        rows, columns = (cos * down - sin * beside).sum((1, 2)), (sin * down + cos * beside).sum((1, 2))
        return warped(images, torch.stack([rows, columns], dim=1))

    return Corruption(lambda size: (WHIRLS, WHIRLS), apply)
