"""AugMix's operations on a batch of images, each with its own operation and strength (Hendrycks et al. 2020, arXiv
1912.02781): those of AutoAugment that are no corruption of the test. Images are floats in [0, 1], [n, 3, size, size].
"""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn.functional import affine_grid, grid_sample

from pipelines.supervised.method import Step


def drawn(step: Step, images: Tensor, severity: float) -> Tensor:
    """Each image through one operation. severity: largest strength, up to 10."""
    kinds, levels, signs = step.uniform(3, len(images))
    return applied(
        images, (kinds * KINDS).long(), (0.1 + (severity - 0.1) * levels) / 10, torch.where(signs < 0.5, -1.0, 1.0)
    )


def applied(images: Tensor, kinds: Tensor, levels: Tensor, signs: Tensor) -> Tensor:
    """Each image through the operation of its kind, [n], at its level, [n] in [0, 1], in the direction of its sign."""
    made = images.clone()
    for kind, operation in enumerate(PHOTOMETRIC):
        rows = (kinds == kind).nonzero()[:, 0]
        if len(rows):
            made[rows] = operation(images[rows], levels[rows])
    rows = (kinds >= len(PHOTOMETRIC)).nonzero()[:, 0]
    if len(rows):
        matrices = affine(kinds[rows] - len(PHOTOMETRIC), levels[rows] * signs[rows])
        grid = affine_grid(matrices, list(images[rows].shape), align_corners=False)
        made[rows] = grid_sample(images[rows], grid, align_corners=False)
    return made


def affine(kinds: Tensor, levels: Tensor) -> Tensor:
    """Matrices [n, 2, 3] from output to input coordinates: turns up to 30 degrees, shears up to 0.3, moves up to a
    third of the side, for kinds 0 (turn), 1, 2 (shear) and 3, 4 (move)."""
    angles = torch.where(kinds == 0, levels * torch.pi / 6, 0.0)
    matrices = torch.zeros(len(levels), 2, 3, device=levels.device)
    matrices[:, 0, 0] = matrices[:, 1, 1] = angles.cos()
    matrices[:, 1, 0] = angles.sin() + torch.where(kinds == 2, 0.3 * levels, 0.0)
    matrices[:, 0, 1] = -angles.sin() + torch.where(kinds == 1, 0.3 * levels, 0.0)
    matrices[:, 0, 2] = torch.where(kinds == 3, 2 / 3 * levels, 0.0)
    matrices[:, 1, 2] = torch.where(kinds == 4, 2 / 3 * levels, 0.0)
    return matrices


def autocontrast(images: Tensor, levels: Tensor) -> Tensor:
    """Every channel stretched over [0, 1]."""
    low, high = images.amin((2, 3), keepdim=True), images.amax((2, 3), keepdim=True)
    return torch.where(high > low, (images - low) / (high - low).clamp(min=1e-6), images)


def equalize(images: Tensor, levels: Tensor) -> Tensor:
    """Every channel with as even a histogram as its 256 values allow, as Pillow does it."""
    values = (images * 255).round().long().flatten(2).flatten(0, 1)  # [n x 3, pixels]
    counts = torch.zeros(len(values), 256, device=images.device, dtype=torch.long)
    counts.scatter_add_(1, values, torch.ones_like(values))
    last = counts.gather(1, values.amax(1, keepdim=True))
    even = (values.shape[1] - last) // 255
    below = counts.cumsum(1) - counts
    table = ((even // 2 + below) // even.clamp(min=1)).clamp(max=255)
    equal = table.gather(1, values)
    return torch.where(even > 0, equal, values).view(images.shape) / 255


def posterize(images: Tensor, levels: Tensor) -> Tensor:
    """4 to 1 bits of every value, fewer at higher levels."""
    step = 2 ** (4 + (4 * levels).floor().clamp(max=3))[:, None, None, None]
    return ((images * 255).round() / step).floor() * step / 255


def solarize(images: Tensor, levels: Tensor) -> Tensor:
    """Values of at least 1 - level inverted."""
    return torch.where(images >= 1 - levels[:, None, None, None], 1 - images, images)


PHOTOMETRIC: tuple[Callable[[Tensor, Tensor], Tensor], ...] = (autocontrast, equalize, posterize, solarize)
KINDS = len(PHOTOMETRIC) + 5
