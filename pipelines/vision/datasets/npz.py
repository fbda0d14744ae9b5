"""NumPy archives of images and labels: one file with both, or a file for each. Nothing in them is unpickled.

One file: arrays x_train, y_train, x_test, y_test (Keras), train_images, train_labels, val_images, ... (MedMNIST), or
images and labels. A file for each: the one array in it, of any name.
"""

import math
import zipfile
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

NAMES = {
    "train": (("train_images", "train_labels"), ("x_train", "y_train"), ("images", "labels"), ("x", "y")),
    "test": (("test_images", "test_labels"), ("x_test", "y_test")),
    "validation": (("val_images", "val_labels"), ("x_val", "y_val")),
}
UNREADABLE = (OSError, ValueError, EOFError, MemoryError, zipfile.BadZipFile, zlib.error)


def dataset(
    *,
    images: str,
    labels: str | None = None,
    test_images: str | None = None,
    test_labels: str | None = None,
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
    """images, labels: the files; without labels, images is one file with both. test_images, test_labels: files of a
    test split. train, more_train (of what train leaves), test: at most so many images, every class in its share.
    validation_share (of training, for validation and for the capability score), test_share (of all): where there is no
    such split. near_outliers: {use: dataset, ...its options}."""
    if (test_images is None) != (test_labels is None) or (test_images is not None and labels is None):
        raise ValueError("'test_images' and 'test_labels' go together, beside 'images' and 'labels'")
    choices = Choices(
        size, train, more_train, test, validation_share, test_share, outliers, training_outliers, near_outliers, seed
    )
    files = {"train": (images, labels), "test": (test_images, test_labels)}
    return loader("npz", lambda: source(files), choices)


def source(files: Mapping[str, tuple[str | None, str | None]]) -> Source:
    """The labels in the files and the images' dimensions. Raises DataError."""
    pairs: dict[str, Pair] = {}
    for kind, (images, labels) in files.items():
        if images and labels:
            pairs[kind] = pair((Path(images), only(Path(images))), (Path(labels), only(Path(labels))))
        elif images:
            pairs |= pairs_in(Path(images))
    return source_of(str(files["train"][0]), pairs)


def pairs_in(file: Path) -> dict[str, Pair]:
    """The image and label arrays of each kind of split in one file."""
    there = list(headers(file))
    pairs: dict[str, Pair] = {}
    for kind, names in NAMES.items():
        for images, labels in names:
            if images in there and labels in there:
                pairs.setdefault(kind, pair((file, images), (file, labels)))
    if not pairs or (list(pairs) == ["validation"]):
        accepted = ", ".join(f"{images} and {labels}" for images, labels in NAMES["train"])
        raise DataError(f"{file}: holds the arrays {', '.join(there) or '(none)'}; accepted: {accepted}")
    return pairs


def pair(images: tuple[Path, str], labels: tuple[Path, str]) -> Pair:
    """Images and labels, each the array of a name in a file."""
    shape, dtype = headers(images[0])[images[1]]
    where = [f"{file}: {name}" for file, name in (images, labels)]
    return Pair(where[0], where[1], shape, dtype, array(*labels), partial(array, *images))


def only(file: Path) -> str:
    """The name of the only array in a file."""
    there = list(headers(file))
    if len(there) != 1:
        raise DataError(f"{file}: holds the arrays {', '.join(there) or '(none)'}; accepted: one array")
    return there[0]


def headers(file: Path) -> dict[str, tuple[tuple[int, ...], np.dtype[np.generic]]]:
    """Shape and type of every array in a file, without reading the arrays. Raises DataError."""
    found = {}
    held: dict[str, int] = {}
    if file.exists() and not file.is_file():
        raise DataError(f"{file}: not a file; accepted: a NumPy archive, .npz")
    try:
        with zipfile.ZipFile(file) as archive:
            for member in archive.infolist():
                with archive.open(member) as opened:
                    header = np.lib.format.read_array_header_1_0
                    if np.lib.format.read_magic(opened) != (1, 0):
                        header = np.lib.format.read_array_header_2_0
                    shape, _, dtype = header(opened)
                    held[member.filename.removesuffix(".npy")] = member.file_size - opened.tell()
                found[member.filename.removesuffix(".npy")] = (shape, dtype)
    except UNREADABLE as error:
        raise DataError(f"{file}: {reason(error)}; accepted: a NumPy archive, .npz") from error
    for name, (shape, dtype) in found.items():
        if dtype.hasobject:
            raise DataError(f"{file}: {name}: holds Python objects, which are not unpickled; accepted: numbers")
        if math.prod(shape) * dtype.itemsize != held[name]:
            announced = f"an array of {math.prod(shape) * dtype.itemsize:,} bytes"
            raise DataError(f"{file}: {name}: announces {announced} and holds {held[name]:,}; accepted: a whole array")
    return found


def array(file: Path, name: str) -> NDArray[np.uint8]:
    """One array of a file. Raises DataError."""
    try:
        with np.load(file, allow_pickle=False) as archive:
            found: NDArray[np.uint8] = archive[name]
            return found
    except UNREADABLE as error:
        raise DataError(f"{file}: {name}: {reason(error)}; accepted: a NumPy archive, .npz") from error


def reason(error: Exception) -> str:
    """An error in a few words, without the file's name."""
    return error.strerror or str(error) if isinstance(error, OSError) else str(error)
