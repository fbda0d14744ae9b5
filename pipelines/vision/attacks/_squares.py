"""The changes that the square attack tries: stripes and squares for L-infinity, bumps and pairs of windows for L2."""

from dataclasses import dataclass
from functools import cache

import torch
from torch import Tensor

from pipelines.vision.attacks._balls import Reach, lengths

GRID = 5  # bumps along a side of the first L2 change
TINY = 1e-12


@dataclass(frozen=True)
class Draw:
    """The random choices of a query, the same for every image, so that no image's fate hangs on another's.

    places  uniform in [0, 1): row and column of the square, and of the one that an L2 change takes its length from
    signs   -1 or 1 [3, 1, 1], one a channel
    turned  whether the L2 pattern is laid on its side
    """

    places: tuple[float, float, float, float]
    signs: Tensor
    turned: bool


def draw(generator: torch.Generator, device: torch.device) -> Draw:
    """The next choices."""
    first, second, third, fourth, *signs, turned = torch.rand(8, generator=generator).tolist()
    chosen = torch.tensor([1.0 if sign < 0.5 else -1.0 for sign in signs], device=device)[:, None, None]
    return Draw((first, second, third, fourth), chosen, turned < 0.5)


def stripes(reach: Reach, generator: torch.Generator) -> Tensor:
    """Columns at the edge of the L-infinity ball, each channel up or down by its own draw."""
    size = reach.images.shape[-1]
    signs = 2.0 * torch.randint(2, (3, 1, size), generator=generator) - 1
    return reach.project(reach.images + reach.ball.epsilon * signs.to(reach.images.device))


def one_square(best: Tensor, reach: Reach, side: int, drawn: Draw) -> Tensor:
    """The points with a square at the edge of the L-infinity ball, up or down in each channel."""
    size = best.shape[-1]
    side = min(side, size)
    row, column = (int(place * (size - side + 1)) for place in drawn.places[:2])
    tried = best.clone()
    window = (..., slice(row, row + side), slice(column, column + side))
    tried[window] = torch.where(drawn.signs > 0, reach.high[window], reach.low[window])
    return tried


def bumps(reach: Reach, generator: torch.Generator) -> Tensor:
    """A grid of bumps on the L2 sphere, each up or down in each channel by its own draw."""
    size = reach.images.shape[-1]
    side = size // GRID
    signs = 2.0 * torch.randint(2, (3, GRID, GRID), generator=generator) - 1
    margin = (size - side * GRID) // 2
    change = torch.zeros(3, size, size)
    inner = slice(margin, margin + side * GRID)
    change[:, inner, inner] = torch.kron(signs, two_peaks(side, False))
    change *= reach.ball.epsilon / change.norm().clamp(min=TINY)
    return reach.project(reach.images + change.to(reach.images.device))


def two_windows(best: Tensor, reach: Reach, side: int, drawn: Draw) -> Tensor:
    """The points with the length of their L2 change moved from one window to another, where a pattern is added."""
    size = best.shape[-1]
    side = min(side + 1 - side % 2, size)
    places = [int(place * (size - side + 1)) for place in drawn.places]
    to, taken = (
        (..., slice(row, row + side), slice(column, column + side)) for row, column in (places[:2], places[2:])
    )
    change = best - reach.images
    unused = (reach.ball.epsilon**2 - lengths(change) ** 2).clamp(min=0) / 3
    both = torch.zeros_like(best[:1, :1])
    both[to] = both[taken] = 1
    available = ((change * both).square().sum((2, 3), keepdim=True) + unused).sqrt()
    own = change[to]
    pattern = two_peaks(side, drawn.turned).to(best.device) * drawn.signs
    mixed = pattern + own / own.square().sum((2, 3), keepdim=True).sqrt().clamp(min=TINY)
    mixed = mixed * available / mixed.square().sum((2, 3), keepdim=True).sqrt().clamp(min=TINY)
    change[taken] = 0
    change[to] = mixed
    return reach.project(reach.images + change * (reach.ball.epsilon / lengths(change)))


@cache
def two_peaks(side: int, turned: bool) -> Tensor:
    """A peak beside a trough [side, side], of length 1."""
    half = side // 2
    pattern: Tensor = torch.cat([peak(side, half), -peak(side, side - half)], dim=1)
    pattern = pattern / pattern.norm().clamp(min=TINY)
    return pattern.T.contiguous() if turned else pattern


def peak(rows: int, columns: int) -> Tensor:
    """Heights [rows, columns] that rise from ring to ring towards the middle, ever more steeply."""
    rings = rows // 2
    row = (torch.arange(rows) - rings).abs()[:, None]
    column = (torch.arange(columns) - columns // 2).abs()[None, :]
    ring = (rings - torch.maximum(row, column)).clamp(min=0)
    heights = (1 / (rings + 1 - torch.arange(rings + 1.0)).square()).cumsum(0)
    pattern: Tensor = heights[ring]
    return pattern
