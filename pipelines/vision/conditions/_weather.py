"""Corruptions by weather: light, fog, and what lies on the lens. Images are float [n, size, size, 3] in [0, 1]."""

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from pipelines.vision.conditions._warps import Images, bent
from pipelines.vision.datasets._procedural import smooth_fields

Generator = np.random.Generator
WHITE, MUD, WATER = (0.95, 0.96, 1.0), (0.25, 0.17, 0.1), (0.7, 0.85, 0.9)


def brightness(images: Images, more: float, generator: Generator) -> Images:
    """Every channel brighter by `more`."""
    return images + np.float32(more)


def fog(images: Images, density: float, generator: Generator) -> Images:
    """A smooth random veil of light grey, as dense as `density` on average."""
    cover = (2 * density * smooth_fields(len(images), images.shape[1], 5, generator)).clip(0, 0.98)
    return covered(images, cover, (0.85, 0.85, 0.85))


def frost(images: Images, share: float, generator: Generator) -> Images:
    """White crystals, ridges of random fields, over about that share of the image, denser towards the edge."""
    count, size = images.shape[:2]
    ridges = sum(
        weight * (1 - np.abs(2 * smooth_fields(count, size, cells, generator) - 1))
        for weight, cells in ((0.4, 5), (0.35, 9), (0.25, 15))
    )
    y, x = np.mgrid[:size, :size] / (size - 1) * 2 - 1
    return covered(images, 0.8 * over(ridges + 0.2 * np.hypot(y, x), share, softness=0.15), WHITE)


def snow(images: Images, share: float, generator: Generator) -> Images:
    """Flakes that fall aslant, over about that share of the image, which brightens as much."""
    count, size = images.shape[:2]
    flakes = over(gaussian_filter(generator.random((count, size, size)), (0, 0.5, 0.5)), share, softness=0.02)
    aslant = generator.uniform(-1, 1, (count, 1, 1))
    still = np.zeros((count, size, size))
    fallen = np.mean([bent(flakes[..., None], still + step, still + step * aslant) for step in (-1, 0, 1)], axis=0)
    return covered(images + np.float32(2 * share), (1.8 * fallen[..., 0]).clip(0, 1), WHITE)


def spatter(images: Images, share: float, generator: Generator) -> Images:
    """Drops of water or mud over about that share of the image."""
    count, size = images.shape[:2]
    field = gaussian_filter(generator.random((count, size, size)), (0, 1.4, 1.4))
    colour = np.where(generator.random((count, 1, 1, 1)) < 0.5, MUD, WATER)
    return covered(images, over(field, share, softness=0.1), colour)


def over(fields: NDArray[np.floating], share: float, softness: float) -> NDArray[np.floating]:
    """Cover in [0, 1], [n, size, size]: one where a field is in its highest `share`, with edges as soft as that part
    of the field's range.
    """
    least, most = fields.min(axis=(1, 2), keepdims=True), fields.max(axis=(1, 2), keepdims=True)
    threshold = np.quantile(fields, 1 - share, axis=(1, 2), keepdims=True)
    return np.asarray(((fields - threshold) / (softness * (most - least)) + 0.5).clip(0, 1))


def covered(images: Images, cover: NDArray[np.floating], colour: object) -> Images:
    """The images under a colour, as far as the cover in [0, 1] goes."""
    return np.asarray(images + cover[..., None] * (np.asarray(colour) - images), dtype=np.float32)
