"""JPEG: changes of the cosine coefficients of 8-pixel blocks, larger where JPEG rounds more coarsely (Kaufmann et al.
2019, arXiv 1908.08016); the rounding itself, which has no gradient, is left out."""

import math

import torch
from torch import Tensor

from pipelines.vision.attacks._latents import Corruption

BLOCK = 8
TO_RGB = torch.tensor([[1.0, 0.0, 1.402], [1.0, -0.344, -0.714], [1.0, 1.772, 0.0]])  # of brightness and two colours


def jpeg(strength: float) -> Corruption:
    """strength: change of the coarsest coefficients, of 1."""
    cosines = basis()
    number = torch.arange(BLOCK)
    coarseness = (1 + number[:, None] + number[None, :]) / (2 * BLOCK - 1)

    def apply(images: Tensor, latents: Tensor) -> Tensor:
        size, device = images.shape[-1], images.device
        forms, colours = cosines.to(device), TO_RGB.to(device)
        coefficients = strength * latents * coarseness.to(device)
        blocks = forms.T @ coefficients @ forms  # [n, 3, rows of blocks, columns of blocks, 8, 8]
        whole = blocks.transpose(3, 4).flatten(4, 5).flatten(2, 3)[..., :size, :size]
        return (images + torch.einsum("rc,nchw->nrhw", colours, whole)).clamp(0, 1)

    def latents(size: int) -> tuple[int, ...]:
        blocks = math.ceil(size / BLOCK)
        return 3, blocks, blocks, BLOCK, BLOCK

    return Corruption(latents, apply)


def basis() -> Tensor:
    """The orthonormal cosines [frequency, place] of a block."""
    place, frequency = torch.arange(BLOCK) + 0.5, torch.arange(BLOCK)[:, None]
    cosines = torch.cos(math.pi * frequency * place / BLOCK) * math.sqrt(2 / BLOCK)
    cosines[0] /= math.sqrt(2)
    return cosines
