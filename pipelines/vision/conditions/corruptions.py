"""Test images under common corruptions at five severities (after Hendrycks & Dietterich 2019, arXiv 1903.12261).

Made once, so that every model sees the same pixels. Severities are set for images of 32 pixels. Each part (a
corruption at a severity) has its own draw of test images.
"""

import io
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.ndimage import gaussian_filter, zoom

from pipelines.parts import Count
from pipelines.vision.condition import Condition
from pipelines.vision.data import Dataset, Examples, split_of

Images = NDArray[np.floating]  # [n, size, size, 3] in [0, 1]


def condition(*, images: Count = 200, kinds: list[str] | None = None) -> Condition:
    """images: test images for each of the parts. kinds: which corruptions, all by default."""
    unknown = [kind for kind in kinds or [] if kind not in CORRUPTIONS]
    if unknown:
        raise ValueError(f"'kinds' has {', '.join(map(repr, unknown))}, not one of: {', '.join(CORRUPTIONS)}")
    chosen = {kind: CORRUPTIONS[kind] for kind in kinds or CORRUPTIONS}

    def examples(dataset: Dataset, generator: np.random.Generator) -> Examples:
        test = dataset.splits["test"]
        made, rows = [], []
        for corrupt, strengths in chosen.values():
            for strength in strengths:
                drawn = np.sort(generator.permutation(len(test))[:images])
                clean = test.images[drawn].astype(np.float32) / 255
                made.append(np.rint(corrupt(clean, strength, generator).clip(0, 1) * 255).astype(np.uint8))
                rows.append(drawn)
        names = tuple(f"{kind} {severity}" for kind in chosen for severity in range(1, 6))
        parts = np.repeat(np.arange(len(names)), [len(drawn) for drawn in rows])
        every = np.concatenate(rows)
        split = split_of(np.concatenate(made), test.labels[every], parts=parts, part_names=names)
        return Examples(split, every)

    return Condition(examples)


def gaussian_noise(images: Images, sigma: float, generator: np.random.Generator) -> Images:
    """Independent normal noise on every channel."""
    return images + generator.normal(0, sigma, images.shape).astype(np.float32)


def gaussian_blur(images: Images, sigma: float, generator: np.random.Generator) -> Images:
    """Blur by `sigma` pixels."""
    return np.asarray(gaussian_filter(images, (0, sigma, sigma, 0)), dtype=np.float32)


def contrast(images: Images, share: float, generator: np.random.Generator) -> Images:
    """Contrast about each image's mean, brought down to a share."""
    mean = images.mean(axis=(1, 2), keepdims=True)
    return np.asarray(mean + share * (images - mean))


def pixelate(images: Images, blocks: float, generator: np.random.Generator) -> Images:
    """Blocks along a side, each the mean of its pixels' nearest samples."""
    size = images.shape[1]
    edges = np.minimum((np.arange(size) * blocks / size).astype(int), int(blocks) - 1)
    onto = np.equal.outer(np.arange(int(blocks)), edges).astype(np.float32)
    means = onto / onto.sum(axis=1, keepdims=True)
    small = np.einsum("ah,nhwc,bw->nabc", means, images, means, optimize=True)
    return np.asarray(small[:, edges][:, :, edges], dtype=np.float32)


def jpeg(images: Images, quality: float, generator: np.random.Generator) -> Images:
    """Through a JPEG file of that quality."""
    decoded = []
    for image in np.rint(images * 255).astype(np.uint8):
        file = io.BytesIO()
        Image.fromarray(image).save(file, "jpeg", quality=int(quality))
        decoded.append(np.asarray(Image.open(file)))
    return np.stack(decoded).astype(np.float32) / 255


def fog(images: Images, density: float, generator: np.random.Generator) -> Images:
    """A smooth random veil of light grey, as dense as `density` on average."""
    count, size = images.shape[:2]
    coarse = generator.random((count, 5, 5), dtype=np.float32)
    veil = zoom(coarse, (1, size / 5, size / 5), order=1, grid_mode=True, mode="nearest")[..., None]
    cover = (2 * density * veil).clip(0, 0.98)
    return np.asarray(images * (1 - cover) + 0.85 * cover, dtype=np.float32)


# strengths at severities 1 to 5
CORRUPTIONS: dict[str, tuple[Callable[[Images, float, np.random.Generator], Images], tuple[float, ...]]] = {
    "gaussian_noise": (gaussian_noise, (0.04, 0.08, 0.12, 0.18, 0.26)),
    "gaussian_blur": (gaussian_blur, (0.6, 0.9, 1.2, 1.6, 2.2)),
    "contrast": (contrast, (0.6, 0.45, 0.3, 0.2, 0.1)),
    "pixelate": (pixelate, (20, 16, 12, 10, 8)),
    "jpeg": (jpeg, (60, 35, 20, 12, 7)),
    "fog": (fog, (0.2, 0.3, 0.4, 0.5, 0.6)),
}
