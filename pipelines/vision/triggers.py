"""Triggers: what poisoned images carry. A table of families, each a way to draw one fixed change of images.

A trigger is drawn once from a generator; putting it on images draws nothing, so it is the same on every image, in
training and in the test.
"""

from collections.abc import Callable
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import map_coordinates, zoom

Images = NDArray[np.uint8]  # [n, size, size, 3]
Trigger = Callable[[Images], Images]
Family = Literal["patch", "blend", "grating", "warp"]


def patch(size: int, strength: float, generator: np.random.Generator) -> Trigger:
    """A square of random colours, at a random place of its own (BadNets, Gu et al. 2017, arXiv 1708.06733). strength:
    its side as a share of the image's.
    """
    side = min(size, max(1, round(strength * size)))
    top, left = generator.integers(size - side + 1, size=2)
    square = generator.integers(2, size=(side, side, 3)).astype(np.uint8) * 255

    def put(images: Images) -> Images:
        marked = images.copy()
        marked[:, top : top + side, left : left + side] = square
        return marked

    return put


def blend(size: int, strength: float, generator: np.random.Generator) -> Trigger:
    """An image of random colours mixed into all pixels (Chen et al. 2017, arXiv 1712.05526). strength: its share."""
    colours = smooth(generator.random((3, 16, 16)), size).transpose(1, 2, 0)
    pattern = (255 * (colours - colours.min()) / np.ptp(colours)).astype(np.float32)
    return lambda images: to_bytes((1 - strength) * images.astype(np.float32) + strength * pattern)


def grating(size: int, strength: float, generator: np.random.Generator) -> Trigger:
    """A sinusoid added to all channels (Barni et al. 2019, arXiv 1902.11237). strength: its amplitude as a share of the
    brightness range.
    """
    angle, phase, cycles = generator.uniform([0, 0, 3], [np.pi, 2 * np.pi, 5])
    y, x = np.mgrid[:size, :size] / size
    wave = np.sin(2 * np.pi * cycles * (np.cos(angle) * x + np.sin(angle) * y) + phase)
    added = (255 * strength * wave[..., None]).astype(np.float32)
    return lambda images: to_bytes(images.astype(np.float32) + added)


def warp(size: int, strength: float, generator: np.random.Generator) -> Trigger:
    """A smooth displacement of the pixels (WaNet, Nguyen & Tran 2021, arXiv 2102.10369). strength: the largest one
    along an axis, as a share of the image's side.
    """
    coarse = generator.uniform(-1, 1, (2, 6, 6))
    field = smooth(coarse, size)
    y, x = np.mgrid[:size, :size] + strength * size * field / np.abs(field).max()
    channel = np.arange(3.0)
    grid = np.broadcast_arrays(y[..., None], x[..., None], channel)

    def put(images: Images) -> Images:
        moved = [map_coordinates(image.astype(np.float32), grid, order=1, mode="nearest") for image in images]
        return to_bytes(np.stack(moved)) if moved else images.copy()

    return put


# how a trigger of the family is drawn, and the strength at which a small network learns it from a few poisoned images
FAMILIES: dict[Family, tuple[Callable[[int, float, np.random.Generator], Trigger], float]] = {
    "patch": (patch, 0.2),
    "blend": (blend, 0.3),
    "grating": (grating, 0.15),
    "warp": (warp, 0.15),
}


def trigger(family: Family, size: int, strength: float | None, generator: np.random.Generator) -> Trigger:
    """A trigger of a family for images of that side; strength None: the family's own."""
    draw, usual = FAMILIES[family]
    return draw(size, usual if strength is None else strength, generator)


def poison_rows(
    labels: NDArray[np.int64], rate: float, target: int, generator: np.random.Generator
) -> NDArray[np.int64]:
    """Which images to poison, sorted: a share `rate` of all, none of them of the target class already. Raises
    ValueError where too few are of other classes.
    """
    others = np.flatnonzero(labels != target)
    count = round(rate * len(labels))
    if count > len(others):
        raise ValueError(
            f"{count} of {len(labels)} images are to be poisoned, and {len(others)} are not of class {target}"
        )
    return np.sort(generator.permutation(others)[:count])


def smooth(coarse: NDArray[np.float64], size: int) -> NDArray[np.float64]:
    """Fields [k, size, size] interpolated from coarse ones [k, cells, cells]."""
    cells = coarse.shape[1]
    return np.asarray(zoom(coarse, (1, size / cells, size / cells), order=1, grid_mode=True, mode="nearest"))


def to_bytes(images: NDArray[np.float32]) -> Images:
    """uint8 images of reals, rounded and clipped."""
    rounded: Images = np.rint(images.clip(0, 255)).astype(np.uint8)
    return rounded
