"""Images read at other places: moved, turned, scaled, sheared, bent. Float images [n, size, size, 3]."""

import numpy as np
import torch
from numpy.typing import NDArray

Images = NDArray[np.floating]
Numbers = NDArray[np.floating]


def read_at(images: Images, rows: Numbers, columns: Numbers) -> Images:
    """The images at these places, in pixels [n, size, size]: between pixels bilinear, beyond the edge the edge."""
    size = images.shape[1]
    places = np.stack([columns, rows], axis=-1).astype(np.float32) * (2 / (size - 1)) - 1
    sampled = torch.nn.functional.grid_sample(
        torch.from_numpy(np.ascontiguousarray(images, dtype=np.float32)).permute(0, 3, 1, 2),
        torch.from_numpy(places),
        padding_mode="border",
        align_corners=True,
    )
    return np.asarray(sampled.permute(0, 2, 3, 1).numpy())


def bent(images: Images, down: Numbers, right: Numbers) -> Images:
    """The images read `down` and `right` of each pixel, in pixels [n, size, size]."""
    size = images.shape[1]
    y, x = np.mgrid[:size, :size]
    return read_at(images, y + down, x + right)


def mapped(images: Images, matrices: Numbers, shifts: Numbers | None = None) -> Images:
    """The images read at `matrix @ (row, column) + shift` of each pixel, about the centre; [n, 2, 2] and [n, 2]."""
    size = images.shape[1]
    places = np.mgrid[:size, :size] - (size - 1) / 2
    rows, columns = np.einsum("nij,jhw->inhw", matrices, places) + (size - 1) / 2
    if shifts is not None:
        rows, columns = rows + shifts[:, 0, None, None], columns + shifts[:, 1, None, None]
    return read_at(images, rows, columns)


def turns(radians: Numbers) -> Numbers:
    """Matrices [n, 2, 2] that turn by these angles."""
    cos, sin = np.cos(radians), np.sin(radians)
    return np.stack([np.stack([cos, -sin], -1), np.stack([sin, cos], -1)], axis=-2)
