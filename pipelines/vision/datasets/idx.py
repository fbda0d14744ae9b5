"""A folder of IDX files, as MNIST is published (LeCun et al. 1998): plain or gzipped, under torchvision's names.

train-images-idx3-ubyte, train-labels-idx1-ubyte, t10k-images-idx3-ubyte and t10k-labels-idx1-ubyte, each with .gz or
without. Where only train or only t10k is there, shares are split off it.
"""

import gzip
import math
import zlib
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray

from pipelines.data import DataError
from pipelines.parts import Count, Range, Share, Whole
from pipelines.vision.data import Loader
from pipelines.vision.datasets._arrays import Pair, source_of
from pipelines.vision.datasets._labelled import AtLeastTwo, Choices, Source, loader

PREFIXES = {"train": "train", "test": "t10k"}
UNSIGNED_BYTES = 8


def dataset(
    *,
    path: str,
    size: Annotated[int, Range(8, 256)] = 32,
    train: Count | None = None,
    more_train: Whole = 0,
    test: Count | None = None,
    validation_share: Share = 0.1,
    test_share: Share = 0.2,
    outliers: AtLeastTwo = 1000,
    training_outliers: AtLeastTwo = 2000,
    near_outliers: Mapping[str, Any] | None = None,
    seed: Whole = 0,
) -> Loader:
    """path: the folder with the files. train, more_train (of what train leaves), test: at most so many images, every
    class in its share. validation_share: of training, for validation and for the capability score. test_share: of all,
    where only one of train and t10k is there. near_outliers: {use: dataset, ...its options}."""
    choices = Choices(
        size, train, more_train, test, validation_share, test_share, outliers, training_outliers, near_outliers, seed
    )
    return loader("idx", lambda: source(Path(path)), choices)


def source(path: Path) -> Source:
    """The files' labels and their images' dimensions. Raises DataError."""
    if not path.is_dir():
        raise DataError(f"{path}: no such folder; accepted: a folder with train-images-idx3-ubyte and the like")
    pairs = {kind: pair(path, prefix) for kind, prefix in PREFIXES.items() if find(path, f"{prefix}-images-idx3-ubyte")}
    if not pairs:
        raise DataError(
            f"{path}: holds no file of images; accepted: train-images-idx3-ubyte or t10k-images-idx3-ubyte, or .gz"
        )
    return source_of(str(path), pairs)


def pair(path: Path, prefix: str) -> Pair:
    """The images and labels of one prefix."""
    images, labels = find(path, f"{prefix}-images-idx3-ubyte"), find(path, f"{prefix}-labels-idx1-ubyte")
    if images is None or labels is None:
        raise DataError(f"{path}: holds images without {prefix}-labels-idx1-ubyte; accepted: that, or with .gz")
    shape = dimensions(images, content(images, 16), 3)
    return Pair(str(images), str(labels), shape, np.dtype(np.uint8), array(labels, 1), partial(array, images, 3))


def find(path: Path, name: str) -> Path | None:
    """The file of that name, plain or gzipped."""
    return next((path / name for name in (name, f"{name}.gz") if (path / name).is_file()), None)


def content(file: Path, most: int = -1) -> bytes:
    """The first `most` bytes of a file, unzipped, or all. Raises DataError."""
    try:
        with gzip.open(file) if file.suffix == ".gz" else file.open("rb") as opened:
            return opened.read(most)
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{file}: cannot be read: {error}; accepted: a whole IDX file, plain or gzipped") from error


def dimensions(file: Path, found: bytes, sides: int) -> tuple[int, ...]:
    """The lengths of an array's sides, from the start of its file. Raises DataError."""
    magic = bytes([0, 0, UNSIGNED_BYTES, sides])
    if found[:4] != magic:
        raise DataError(
            f"{file}: starts with {found[:4].hex() or 'nothing'}; accepted: {magic.hex()}, "
            f"an IDX array of bytes with {sides} side{'s' * (sides > 1)}"
        )
    if len(found) < 4 + 4 * sides:
        raise DataError(f"{file}: ends after {len(found)} bytes; accepted: at least {4 + 4 * sides}")
    return tuple(int(side) for side in np.frombuffer(found, dtype=">u4", count=sides, offset=4))


def array(file: Path, sides: int) -> NDArray[np.uint8]:
    """The array of an IDX file. Raises DataError where it is not as long as it says."""
    found = content(file)
    shape = dimensions(file, found, sides)
    start = 4 + 4 * sides
    if len(found) - start != math.prod(shape):
        raise DataError(
            f"{file}: holds {len(found) - start} values; accepted: {math.prod(shape)}, "
            f"as its start says ({' x '.join(map(str, shape))})"
        )
    return np.frombuffer(found, dtype=np.uint8, offset=start).reshape(shape)
