"""Smooth fields from few numbers, pictures laid out on a grid, and images moved along a field."""

from functools import cache

import torch
from torch import Tensor
from torch.nn.functional import conv_transpose2d


def smooth(coarse: Tensor, size: int) -> Tensor:
    """Fields [..., size, size] that go linearly between the values [..., k, k]. By matrices: the gradient is the same
    on every device."""
    weights = between(coarse.shape[-1], size).to(coarse.device)
    return weights @ coarse @ weights.T


@cache
def between(count: int, size: int) -> Tensor:
    """The share [size, count] that each of `count` values has in each of `size` places."""
    places = ((torch.arange(size) + 0.5) * count / size - 0.5).clamp(0, count - 1)
    return (1 - (places[:, None] - torch.arange(count)).abs()).clamp(min=0)


def points_along(size: int, spacing: int) -> int:
    """How many points of a grid of that spacing stand along a side, those beyond its ends included."""
    return size // spacing + 2


def stamped(strengths: Tensor, stamps: Tensor, spacing: int, size: int) -> Tensor:
    """Sums [n, 1, size, size] of stamps [kinds, side, side], one of each kind at every point of a grid, times strengths
    [n, kinds, points, points]."""
    sums = conv_transpose2d(strengths, stamps[:, None].to(strengths.device), stride=spacing)
    first = stamps.shape[-1] // 2
    return sums[..., first : first + size, first : first + size]


def warped(images: Tensor, shifts: Tensor) -> Tensor:
    """Images [n, 3, size, size], each pixel taken from where its shift [n, 2, size, size] (rows, columns; in pixels)
    points, between four pixels and with edges repeated. By hand, as grid_sample's gradient varies on a GPU."""
    size = images.shape[-1]
    place = torch.arange(size, device=images.device)
    rows = (place[:, None] + shifts[:, :1]).clamp(0, size - 1)
    columns = (place[None, :] + shifts[:, 1:]).clamp(0, size - 1)
    top, left = (where.detach().long().clamp(max=size - 2) for where in (rows, columns))
    down, right = rows - top, columns - left
    flat = images.flatten(2)

    def corner(below: int, beside: int) -> Tensor:
        index = ((top + below) * size + left + beside).flatten(2).expand(-1, 3, -1)
        return flat.gather(2, index).view(images.shape)

    upper = (1 - right) * corner(0, 0) + right * corner(0, 1)
    lower = (1 - right) * corner(1, 0) + right * corner(1, 1)
    return (1 - down) * upper + down * lower
