"""Pairs of image and label arrays read from files, and what makes them fit for training."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipelines.data import DataError
from pipelines.vision.datasets._images import squares_of_arrays
from pipelines.vision.datasets._labelled import Source

LARGEST = 2**31 - 1  # of labels
SHAPES = "[n, height, width], with 1 or 3 channels last or none"


@dataclass(frozen=True)
class Pair:
    """Images and labels of one kind of split, the images not read yet.

    images, labels  where each is, for messages
    shape, dtype    of the images
    values          the labels
    read            uint8 images, all of them
    """

    images: str
    labels: str
    shape: tuple[int, ...]
    dtype: np.dtype[np.generic]
    values: NDArray[np.generic]
    read: Callable[[], NDArray[np.uint8]]


def source_of(where: str, pairs: Mapping[str, Pair]) -> Source:
    """The source of array pairs. Raises DataError where they do not go together."""
    labels = {kind: checked_labels(pair) for kind, pair in pairs.items()}
    pool = "train" if "train" in labels else next(iter(labels))
    classes = int(labels[pool].max()) + 1
    present = np.unique(labels[pool])
    missing = np.flatnonzero(present != np.arange(len(present)))
    if classes < 2:
        raise DataError(f"{pairs[pool].labels}: holds 1 class, 0; accepted: at least 2")
    if len(missing):
        raise DataError(
            f"{pairs[pool].labels}: class {missing[0]} has no image; accepted: every label from 0 to {classes - 1}"
        )
    for kind, found in labels.items():
        if found.max() >= classes:
            row = int(found.argmax())
            raise DataError(f"{pairs[kind].labels}: row {row} is {found[row]}; accepted: 0 to {classes - 1}")

    def read(kind: str, rows: NDArray[np.int64], size: int) -> NDArray[np.uint8]:
        return squares_of_arrays(pairs[kind].read()[rows], size)

    return Source(where, tuple(map(str, range(classes))), labels, read)


def checked_labels(pair: Pair) -> NDArray[np.int64]:
    """The labels as int64 [n], as many as there are images. Raises DataError."""
    values = pair.values[:, 0] if pair.values.ndim == 2 and pair.values.shape[1] == 1 else pair.values
    if pair.dtype != np.uint8:
        raise DataError(f"{pair.images}: images of type {pair.dtype}; accepted: uint8")
    if not (len(pair.shape) == 3 or (len(pair.shape) == 4 and pair.shape[3] in (1, 3))) or 0 in pair.shape:
        raise DataError(f"{pair.images}: images of shape {list(pair.shape)}; accepted: {SHAPES}")
    if values.dtype.kind not in "iu":
        raise DataError(f"{pair.labels}: labels of type {values.dtype}; accepted: whole numbers")
    if values.ndim != 1:
        raise DataError(f"{pair.labels}: labels of shape {list(values.shape)}; accepted: [n]")
    if len(values) != pair.shape[0]:
        raise DataError(
            f"{pair.labels}: {len(values)} labels for {pair.shape[0]} images in {pair.images}; accepted: one each"
        )
    for row in (int(values.argmin()), int(values.argmax())):
        if not 0 <= values[row] <= LARGEST:
            raise DataError(f"{pair.labels}: row {row} is {values[row]}; accepted: 0 to {LARGEST}")
    return values.astype(np.int64)
