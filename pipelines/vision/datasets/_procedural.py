"""Images of nothing: textures, noise and mosaics, as outliers. Each is uint8 [n, size, size, 3] from a generator."""

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import zoom

from pipelines.vision.data import Split, split_of

Images = NDArray[np.uint8]
Generator = np.random.Generator


def to_bytes(images: NDArray[np.floating]) -> Images:
    """uint8 images of floats, clipped to [0, 1]."""
    scaled: Images = np.rint(np.clip(images, 0, 1) * 255).astype(np.uint8)
    return scaled


def between_two_colours(fields: NDArray[np.floating], generator: Generator) -> Images:
    """Fields [n, size, size] in [0, 1] as shades between two random colours each."""
    low, high = generator.random((2, len(fields), 1, 1, 3))
    return to_bytes(low + fields[..., None] * (high - low))


def smooth_fields(count: int, size: int, cells: int, generator: Generator) -> NDArray[np.floating]:
    """Random fields [n, size, size] in [0, 1], interpolated from `cells` random values a side."""
    coarse = generator.random((count, cells, cells))
    return np.asarray(zoom(coarse, (1, size / cells, size / cells), order=1, grid_mode=True, mode="nearest"))


def textures(count: int, size: int, generator: Generator) -> Images:
    """Gratings, checkerboards, rings and plasma, a quarter each."""
    kind = np.arange(count) % 4
    angle, period, phase = generator.random((3, count, 1, 1))
    angle, period, phase = angle * np.pi, 3 + 9 * period, phase * 2 * np.pi
    y, x = np.mgrid[:size, :size] - size / 2
    along = (np.cos(angle) * x + np.sin(angle) * y) * 2 * np.pi / period + phase
    across = (np.cos(angle) * y - np.sin(angle) * x) * 2 * np.pi / period + phase
    grating = (1 + np.sin(along)) / 2
    checker = (np.sin(along) * np.sin(across) > 0).astype(float)
    rings = (1 + np.sin(np.hypot(x, y) * 2 * np.pi / period + phase)) / 2
    plasma = smooth_fields(count, size, 6, generator)
    return between_two_colours(np.choose(kind[:, None, None], [grating, checker, rings, plasma]), generator)


def noise(count: int, size: int, generator: Generator) -> Images:
    """Uniform, normal and blotched noise, a third each."""
    uniform = generator.random((count, size, size, 3))
    normal = 0.5 + 0.25 * generator.standard_normal((count, size, size, 3))
    blotches = np.stack([smooth_fields(count, size, 10, generator) for _ in range(3)], axis=-1)
    kind = (np.arange(count) % 3)[:, None, None, None]
    return to_bytes(np.choose(kind, [uniform, normal, 2 * blotches - 0.5]))


def mosaics(count: int, size: int, generator: Generator) -> Images:
    """Voronoi cells of random colours: for training, and in no test."""
    points = generator.random((count, 12, 2)) * size
    colours = generator.random((count, 12, 3))
    y, x = np.mgrid[:size, :size]
    distances = (points[:, :, 0, None, None] - y) ** 2 + (points[:, :, 1, None, None] - x) ** 2
    nearest = distances.argmin(axis=1)
    return to_bytes(colours[np.arange(count)[:, None, None], nearest])


def strokes(count: int, size: int, generator: Generator) -> Images:
    """Random straight strokes on a plain ground: for training, and in no test."""
    y, x = np.mgrid[:size, :size]
    fields = np.zeros((count, size, size))
    for _ in range(5):
        angle, offset = generator.random((2, count, 1, 1))
        distance = (
            np.cos(angle * np.pi) * (x - size / 2) + np.sin(angle * np.pi) * (y - size / 2) - (offset - 0.5) * size
        )
        fields = np.maximum(fields, np.clip(1.8 - np.abs(distance), 0, 1))
    return between_two_colours(fields, generator)


def far_outliers(count: int, size: int, generator: Generator) -> Split:
    """Textures and noise, half each."""
    half = (count + 1) // 2
    return outlier_split({"textures": textures(half, size, generator), "noise": noise(count - half, size, generator)})


def outlier_split(families: dict[str, NDArray[np.uint8]]) -> Split:
    """Outliers, label -1, with their families as parts."""
    images = np.concatenate(list(families.values()))
    parts = np.repeat(np.arange(len(families)), [len(family) for family in families.values()])
    return split_of(images, np.full(len(images), -1), parts=parts, part_names=tuple(families))
