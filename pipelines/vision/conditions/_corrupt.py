"""Common corruptions and their strengths at severities 1 to 5, set for images of 32 pixels.

Each is a function of float images [n, size, size, 3] in [0, 1], a strength and a generator; what it gives may leave
[0, 1]. After Hendrycks & Dietterich 2019, arXiv 1903.12261.
"""

import io
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.ndimage import gaussian_filter

from pipelines.vision.conditions._warps import Images, bent, mapped
from pipelines.vision.conditions._weather import brightness, fog, frost, snow, spatter

Generator = np.random.Generator
Corruption = Callable[[Images, float, Generator], Images]
STEPS = 9  # images that a motion or zoom blur is the mean of


def gaussian_noise(images: Images, sigma: float, generator: Generator) -> Images:
    """Independent normal noise on every channel."""
    return images + generator.normal(0, sigma, images.shape).astype(np.float32)


def shot_noise(images: Images, photons: float, generator: Generator) -> Images:
    """Poisson noise of so many photons at full brightness."""
    return np.asarray(generator.poisson(images * photons) / photons, dtype=np.float32)


def impulse_noise(images: Images, share: float, generator: Generator) -> Images:
    """A share of the channels' values at 0 or 1."""
    extreme = generator.integers(0, 2, images.shape).astype(np.float32)
    return np.where(generator.random(images.shape) < share, extreme, images)


def speckle_noise(images: Images, sigma: float, generator: Generator) -> Images:
    """Normal noise in proportion to each channel's value."""
    return images * (1 + generator.normal(0, sigma, images.shape).astype(np.float32))


def gaussian_blur(images: Images, sigma: float, generator: Generator) -> Images:
    """Blur by `sigma` pixels."""
    return np.asarray(gaussian_filter(images, (0, sigma, sigma, 0)), dtype=np.float32)


def motion_blur(images: Images, length: float, generator: Generator) -> Images:
    """The mean over a straight way of so many pixels, each image's in a direction of its own."""
    angle = generator.uniform(0, np.pi, (len(images), 1, 1))
    still = np.zeros(images.shape[:3])
    way = np.linspace(-length / 2, length / 2, STEPS)
    return np.asarray(np.mean([bent(images, still + s * np.sin(angle), still + s * np.cos(angle)) for s in way], 0))


def zoom_blur(images: Images, most: float, generator: Generator) -> Images:
    """The mean over zooms from 1 to `most`."""
    zooms = np.linspace(1, most, STEPS)
    return np.asarray(np.mean([mapped(images, np.tile(np.eye(2) / zoom, (len(images), 1, 1))) for zoom in zooms], 0))


def elastic(images: Images, pixels: float, generator: Generator) -> Images:
    """Bent at random, by so many pixels in the root mean square."""
    down, right = gaussian_filter(generator.standard_normal((2, *images.shape[:3])), (0, 0, 2.5, 2.5))
    return bent(images, *(pixels * way / way.std() for way in (down, right)))


def contrast(images: Images, share: float, generator: Generator) -> Images:
    """Contrast about each image's mean, brought down to a share."""
    mean = images.mean(axis=(1, 2), keepdims=True)
    return np.asarray(mean + share * (images - mean))


def saturate(images: Images, times: float, generator: Generator) -> Images:
    """Colours so many times as far from grey."""
    grey = images.mean(axis=3, keepdims=True)
    return np.asarray(grey + np.float32(times) * (images - grey))


def pixelate(images: Images, blocks: float, generator: Generator) -> Images:
    """Blocks along a side, each the mean of its pixels' nearest samples."""
    size = images.shape[1]
    edges = np.minimum((np.arange(size) * blocks / size).astype(int), int(blocks) - 1)
    onto = np.equal.outer(np.arange(int(blocks)), edges).astype(np.float32)
    means: NDArray[np.float32] = onto / onto.sum(axis=1, keepdims=True)
    small = np.einsum("ah,nhwc,bw->nabc", means, images, means, optimize=True)
    return np.asarray(small[:, edges][:, :, edges], dtype=np.float32)


def jpeg(images: Images, quality: float, generator: Generator) -> Images:
    """Through a JPEG file of that quality."""
    decoded = []
    for image in np.rint(images * 255).astype(np.uint8):
        file = io.BytesIO()
        Image.fromarray(image).save(file, "jpeg", quality=int(quality))
        decoded.append(np.asarray(Image.open(file)))
    return np.stack(decoded).astype(np.float32) / 255


CORRUPTIONS: dict[str, tuple[Corruption, tuple[float, float, float, float, float]]] = {
    "gaussian_noise": (gaussian_noise, (0.04, 0.08, 0.12, 0.18, 0.26)),
    "shot_noise": (shot_noise, (120, 50, 25, 12, 6)),
    "impulse_noise": (impulse_noise, (0.02, 0.04, 0.08, 0.13, 0.2)),
    "speckle_noise": (speckle_noise, (0.1, 0.2, 0.3, 0.45, 0.6)),
    "gaussian_blur": (gaussian_blur, (0.6, 0.9, 1.2, 1.6, 2.2)),
    "motion_blur": (motion_blur, (3, 4.5, 6, 8, 11)),
    "zoom_blur": (zoom_blur, (1.15, 1.3, 1.45, 1.65, 1.9)),
    "snow": (snow, (0.006, 0.014, 0.025, 0.04, 0.06)),
    "frost": (frost, (0.03, 0.06, 0.1, 0.15, 0.22)),
    "fog": (fog, (0.2, 0.3, 0.4, 0.5, 0.6)),
    "brightness": (brightness, (0.1, 0.2, 0.3, 0.4, 0.5)),
    "spatter": (spatter, (0.03, 0.06, 0.1, 0.16, 0.24)),
    "contrast": (contrast, (0.6, 0.45, 0.3, 0.2, 0.1)),
    "saturate": (saturate, (2, 3, 4.5, 7, 12)),
    "elastic": (elastic, (0.6, 1.0, 1.4, 1.9, 2.5)),
    "pixelate": (pixelate, (20, 16, 12, 10, 8)),
    "jpeg": (jpeg, (30, 15, 9, 6, 4)),
}
