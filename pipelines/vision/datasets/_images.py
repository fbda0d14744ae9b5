"""Images of any size as uint8 RGB squares of one size."""

import struct
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from pipelines.data import DataError

Images = NDArray[np.uint8]
SUFFIXES = (".bmp", ".gif", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp")
EIGHT_BITS = ("1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "YCbCr")


def square(picture: Image.Image, size: int) -> Images:
    """A picture as [size, size, 3]: gray is repeated over the channels, black fills what is not square.

    A longer side from three quarters of `size` to `size` is kept (28 pixels in 32); any other becomes `size`.
    """
    rgb = picture.convert("RGB")
    longer = max(rgb.size)
    if not 3 * size <= 4 * longer <= 4 * size:
        width, height = (max(1, round(side * size / longer)) for side in rgb.size)
        rgb = rgb.resize((width, height), Image.Resampling.BILINEAR)
    pixels = np.asarray(rgb)
    if pixels.shape[:2] == (size, size):
        return pixels
    canvas = np.zeros((size, size, 3), dtype=np.uint8)
    top, left = (size - pixels.shape[0]) // 2, (size - pixels.shape[1]) // 2
    canvas[top : top + pixels.shape[0], left : left + pixels.shape[1]] = pixels
    return canvas


def squares(pictures: Iterable[Image.Image], count: int, size: int) -> Images:
    """Pictures as [count, size, size, 3]."""
    images = np.empty((count, size, size, 3), dtype=np.uint8)
    for row, picture in enumerate(pictures):
        images[row] = square(picture, size)
    return images


def squares_of_arrays(arrays: NDArray[np.uint8], size: int) -> Images:
    """Arrays [n, height, width], with 1 or 3 channels last or none, as [n, size, size, 3]."""
    flat = arrays[..., 0] if arrays.ndim == 4 and arrays.shape[-1] == 1 else arrays
    return squares((Image.fromarray(array) for array in flat), len(flat), size)


def read(path: Path, size: int) -> Images:
    """The image of a file as [size, size, 3], turned as its EXIF orientation says. Raises DataError on one that cannot
    be read.
    """
    try:
        with Image.open(path) as picture:
            if picture.mode not in EIGHT_BITS:
                raise DataError(f"{path}: an image of mode {picture.mode!r}; accepted: {', '.join(EIGHT_BITS)}")
            ImageOps.exif_transpose(picture, in_place=True)
            # a palette's transparency given as bytes is only read without a warning by way of RGBA
            through = picture.convert("RGBA") if picture.mode == "P" else picture
            return square(through, size)
    except DataError:
        raise
    except (OSError, SyntaxError, ValueError, struct.error, Image.DecompressionBombError) as error:
        reason = "not an image" if isinstance(error, UnidentifiedImageError) else str(error)
        raise DataError(f"{path}: cannot be read as an image: {reason}; accepted: {', '.join(SUFFIXES)}") from error
