"""Pictures of fractals: attractors of random iterated function systems (Barnsley 1988; for training, Kataoka et al.
2020, arXiv 2101.08515). They are in no split of any dataset."""

import torch
from torch import Tensor

POINTS, SETTLE, STEPS = 48, 15, 60  # points that wander at once, steps before they are drawn, and after


def fractals(count: int, size: int, generator: torch.Generator) -> Tensor:
    """uint8 [count, 3, size, size]: each the attractor of two to four contractions, in a colour for each of them."""

    def uniform(low: float, high: float, *shape: int) -> Tensor:
        return low + (high - low) * torch.rand(count, *shape, generator=generator)

    maps = torch.randint(2, 5, (count, 1), generator=generator)
    turn, scale = rotation(uniform(-torch.pi, torch.pi, 2, 4)), uniform(0.3, 0.85, 4, 2)
    contract = turn[:, 0] @ torch.diag_embed(scale) @ turn[:, 1]  # [count, 4, 2, 2], by singular values
    shift, paint = uniform(-1, 1, 4, 2), uniform(0, 1, 4, 3)
    ground = uniform(0, 0.4, 3)
    each = torch.arange(count)[:, None]
    points, colours = torch.zeros(count, POINTS, 2), uniform(0, 1, POINTS, 3)
    visited = []
    for _ in range(SETTLE + STEPS):
        chosen = (uniform(0, 1, POINTS) * maps).long()
        points = (contract[each, chosen] @ points[..., None])[..., 0] + shift[each, chosen]
        colours = (colours + paint[each, chosen]) / 2
        visited.append(torch.cat([points, colours], dim=2))
    where = torch.cat(visited[SETTLE:], dim=1)
    return rendered(where[..., :2], where[..., 2:], ground, size)


def rotation(angles: Tensor) -> Tensor:
    """Rotation matrices [..., 2, 2]."""
    cos, sin = angles.cos(), angles.sin()
    return torch.stack([torch.stack([cos, -sin], -1), torch.stack([sin, cos], -1)], -2)


def rendered(points: Tensor, colours: Tensor, ground: Tensor, size: int) -> Tensor:
    """uint8 [n, 3, size, size]: points [n, m, 2] in the mean of their colours [n, m, 3], fitted to the frame; the more
    there are in a pixel, the less of the ground's colour, [n, 3], is seen."""
    low, high = points.amin(1, keepdim=True), points.amax(1, keepdim=True)
    cells = ((points - low) / (high - low).clamp(min=1e-6) * (size - 1e-3)).long().clamp(0, size - 1)
    pixel = cells[..., 0] * size + cells[..., 1]
    hits = torch.zeros(len(points), size * size).scatter_add_(1, pixel, torch.ones(pixel.shape))
    sums = torch.zeros(len(points), size * size, 3)
    sums.scatter_add_(1, pixel[..., None].expand(colours.shape), colours)
    cover = (hits.log1p() / hits.amax(1, keepdim=True).log1p()).sqrt()[..., None]
    shown = cover * sums / hits.clamp(min=1)[..., None] + (1 - cover) * ground[:, None]
    return (shown * 255).round().to(torch.uint8).view(-1, size, size, 3).permute(0, 3, 1, 2)
