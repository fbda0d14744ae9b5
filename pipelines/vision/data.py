"""Images with what is known of each, split by the use they are put to."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

# The splits that datasets offer. `train`, `validation`, `capability` and `test` are always there; the rest depends on
# the dataset.
SPLITS = {
    "train": "training images",
    "more_train": "more of them, for a method that learns from more: made where the option `more_train` asks for them",
    "validation": "for choices made while developing a method: never reported",
    "capability": "drawn like the training images, for the capability score alone",
    "test": "drawn like the training images",
    "held_out_fonts": "the same classes in fonts never seen in training: a natural shift",
    "spurious": "the cue that goes with the class in training is as often wrong as right; groups recorded",
    "cue_conflict": "the shape of one class with the colour of another; the group is the class of the colour",
    "cue_swap": "pairs that differ in the cue alone: all with their class's own, then all with another's, whose it is",
    "localised": "images, then the mask of each, white where its object is; groups 0 and 1",
    "near_outliers": "classes that look like the known ones",
    "far_outliers": "textures and noise",
    "training_outliers": "outliers a method may train on, from families in no other split",
    "transfer_train": "classes never seen in training, to fit a linear probe on",
    "transfer_test": "the same unseen classes, to test it on",
}


@dataclass(frozen=True)
class Split:
    """Images and their labels.

    images  uint8 [n, size, size, 3]
    labels  int64 [n]; below 0 marks an outlier
    groups  int64 [n]; spurious-cue group, or the cue's class on cue-conflict images; -1 where there is none
    parts   int64 [n], index into part_names (the font, the family of outlier); -1 where there is none
    """

    images: NDArray[np.uint8]
    labels: NDArray[np.int64]
    groups: NDArray[np.int64]
    parts: NDArray[np.int64]
    part_names: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True)
class Shape:
    """What is known of a dataset before it is made: side length in pixels, number of classes, the splits it will have
    and the number of training images; whether those have groups."""

    size: int
    classes: int
    splits: tuple[str, ...]
    train: int
    groups: bool = False

    @property
    def about(self) -> Mapping[str, int]:
        """What models are built by."""
        return {"classes": self.classes, "size": self.size}


@dataclass(frozen=True)
class Dataset:
    """A named set of splits over the same classes and image size."""

    name: str
    class_names: tuple[str, ...]
    splits: Mapping[str, Split]

    @property
    def size(self) -> int:
        """Side length of the images in pixels."""
        return int(self.splits["train"].images.shape[1])


@dataclass(frozen=True)
class Examples:
    """Images that stay the same for every model, with the row of the split that each was made from."""

    split: Split
    rows: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.rows)


def split_of(
    images: NDArray[np.uint8],
    labels: NDArray[np.int64],
    groups: NDArray[np.int64] | None = None,
    parts: NDArray[np.int64] | None = None,
    part_names: tuple[str, ...] = (),
) -> Split:
    """A Split with -1 wherever no group or part is given."""
    none = np.full(len(labels), -1, dtype=np.int64)
    return Split(
        np.ascontiguousarray(images, dtype=np.uint8),
        np.asarray(labels, dtype=np.int64),
        none if groups is None else np.asarray(groups, dtype=np.int64),
        none if parts is None else np.asarray(parts, dtype=np.int64),
        part_names,
    )


@dataclass(frozen=True)
class Loader:
    """A dataset not made yet: `shape` says cheaply what it will be, `load` makes it. Both raise DataError.

    `test` makes the test split alone, for a dataset that serves as another's outliers; None where it takes them all.
    """

    shape: Callable[[], Shape]
    load: Callable[[], Dataset]
    test: Callable[[], Split] | None = None
