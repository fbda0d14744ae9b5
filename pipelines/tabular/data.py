"""Rows of numbers with what is known of each, split by the use they are put to."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Integers = NDArray[np.int64]

# The splits that data sets offer. `train`, `validation`, `capability` and `test` are always there.
SPLITS = {
    "train": "training rows",
    "more_train": "more of them, for a method that learns from more: made where the option `more_train` asks for them",
    "validation": "for thresholds, temperatures and the alarm's quiet streams: never reported",
    "capability": "drawn like the training rows, for the capability score alone",
    "test": "drawn like the training rows",
    "unseen": "attacks of families that no other split has; the part is the family",
    "drifted": "drawn like the training rows, all moved by a fixed amount",
    "volatile": "with more noise than in training",
    "regime": "with weaker causes than in training",
    "training_outliers": "outliers a method may train on, of no family that another split has",
}


@dataclass(frozen=True)
class Split:
    """Rows and what is known of them.

    rows    float32 [n, features]
    labels  int64 [n]; below 0 marks an outlier
    groups  int64 [n]; -1 where there is none
    parts   int64 [n], index into part_names (the family of an outlier); -1 where there is none
    truth   float32 [n, classes], the true probabilities of the classes; [n, 0] where they are not known
    """

    rows: Floats
    labels: Integers
    groups: Integers
    parts: Integers
    truth: Floats
    part_names: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, rows: Integers) -> "Split":
        """The chosen rows, in their order."""
        labels, groups, parts = self.labels[rows], self.groups[rows], self.parts[rows]
        return Split(self.rows[rows], labels, groups, parts, self.truth[rows], self.part_names)


@dataclass(frozen=True)
class Shape:
    """What is known of a data set before it is made: the number of features and of classes, the splits it will have
    and the number of training rows; whether those have groups."""

    features: int
    classes: int
    splits: tuple[str, ...]
    train: int
    groups: bool = False

    @property
    def about(self) -> Mapping[str, int]:
        """What models are built by."""
        return {"features": self.features, "classes": self.classes}


@dataclass(frozen=True)
class Dataset:
    """A named set of splits over the same features and classes."""

    name: str
    class_names: tuple[str, ...]
    splits: Mapping[str, Split]


def no_streams() -> Integers:
    """Rows that stand for themselves."""
    return np.zeros((0, 0), dtype=np.int64)


@dataclass(frozen=True)
class Examples:
    """What is the same for every model: rows, with the row of the split that each is from, or streams of them.

    streams  int64 [streams, length]: the rows of `split` that come one after the other; [0, 0] where there are none
    """

    split: Split
    rows: Integers
    streams: Integers = field(default_factory=no_streams)

    def __len__(self) -> int:
        return len(self.rows)


def split_of(
    rows: NDArray[np.floating],
    labels: Integers,
    groups: Integers | None = None,
    parts: Integers | None = None,
    part_names: tuple[str, ...] = (),
    truth: NDArray[np.floating] | None = None,
) -> Split:
    """A Split with -1 wherever no group or part is given, and no truth where that is not known."""
    none = np.full(len(labels), -1, dtype=np.int64)
    return Split(
        np.ascontiguousarray(rows, dtype=np.float32),
        np.asarray(labels, dtype=np.int64),
        none if groups is None else np.asarray(groups, dtype=np.int64),
        none if parts is None else np.asarray(parts, dtype=np.int64),
        np.zeros((len(labels), 0), np.float32) if truth is None else np.ascontiguousarray(truth, dtype=np.float32),
        part_names,
    )


@dataclass(frozen=True)
class Loader:
    """A data set not made yet: `shape` says cheaply what it will be, `load` makes it."""

    shape: Callable[[], Shape]
    load: Callable[[], Dataset]
