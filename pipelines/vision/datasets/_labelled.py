"""A source of labelled images as a Dataset: the splits it lacks are split off, outliers are added.

Rows are drawn in a stratified order, so that any first part of it has every class in its share.
"""

import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray

from pipelines import parts
from pipelines.data import DataError
from pipelines.vision.data import Dataset, Loader, Shape, Split, split_of
from pipelines.vision.datasets import _procedural as procedural

Rows = NDArray[np.int64]
AtLeastTwo = Annotated[int, parts.Range(2)]
KINDS = ("train", "more_train", "validation", "capability", "test")


@dataclass(frozen=True)
class Source:
    """Labelled images that are there, in one to three kinds of split.

    where        path or name, for messages
    class_names  one for each label
    labels       int64 [n] of each kind
    read         uint8 [len(rows), size, size, 3]: the images of some rows of a kind
    groups       int64 [n] of each kind, class by attribute; group_names, one for each group; none where they are empty
    """

    where: str
    class_names: tuple[str, ...]
    labels: Mapping[str, Rows]
    read: Callable[[str, Rows, int], NDArray[np.uint8]]
    groups: Mapping[str, Rows] = field(default_factory=dict)
    group_names: tuple[str, ...] = ()


@dataclass(frozen=True)
class Choices:
    """The options that all sources share.

    size              side of the images in pixels
    train, test       at most so many images, every class in its share; None is all (test: of capability, too)
    more_train        at most so many of the images that `train` leaves, as a split of their own
    validation_share  of training, for the split `capability`, and for validation where the source has no such split
    test_share        of all, where the source has no test split
    outliers          far outliers; training_outliers: those a method may train on
    near_outliers     {use: dataset, ...its options}: its test split becomes the near outliers
    """

    size: int
    train: int | None
    more_train: int
    test: int | None
    validation_share: float
    test_share: float
    outliers: int
    training_outliers: int
    near_outliers: Mapping[str, Any] | None
    seed: int

    def generator(self, purpose: str) -> np.random.Generator:
        """A generator of its own for every purpose."""
        return np.random.default_rng([self.seed, zlib.crc32(purpose.encode())])


def loader(name: str, source: Callable[[], Source], choices: Choices) -> Loader:
    """The loader of a source. Raises ValueError on options that cannot be."""
    near = near_loader(choices)

    def shape() -> Shape:
        found = source()
        rows = divided(found, choices)
        if near:
            near.shape()
        grouped = ["spurious"] if found.groups else []
        splits = (*rows, *grouped, *(["near_outliers"] if near else []), "far_outliers", "training_outliers")
        return Shape(choices.size, len(found.class_names), splits, len(rows["train"][1]), bool(found.groups))

    def load() -> Dataset:
        found = source()
        splits = {split: read(found, kind, rows, choices) for split, (kind, rows) in divided(found, choices).items()}
        if found.groups:
            splits["spurious"] = splits["test"]
        if near:
            splits["near_outliers"] = unlabelled(test_split(near), str((choices.near_outliers or {})["use"]))
        return Dataset(name, found.class_names, {**splits, **procedural_outliers(choices)})

    def test() -> Split:
        found = source()
        return read(found, *divided(found, choices)["test"], choices)

    return Loader(shape, load, test)


def near_loader(choices: Choices) -> Loader | None:
    """The loader of the dataset whose test split becomes the near outliers."""
    if choices.near_outliers is None:
        return None
    options = dict(choices.near_outliers)
    use = options.pop("use", None)
    package = __package__ or ""
    if not isinstance(use, str):
        raise ValueError(f"'near_outliers' needs 'use': one of {', '.join(parts.names(package))}")
    if "size" in options:
        raise ValueError(f"'near_outliers' has the images' size already, {choices.size}: leave out 'size'")
    try:
        made: Loader = parts.load(package, use, {**options, "size": choices.size})
    except ValueError as error:
        raise ValueError(f"'near_outliers': {error}") from error
    return made


def divided(source: Source, choices: Choices) -> dict[str, tuple[str, Rows]]:
    """For each kind of split, the kind it is taken from and the rows: every row of a source is in one split at most."""
    strata = source.groups or source.labels
    order = {kind: stratified(labels, choices.generator(kind)) for kind, labels in strata.items()}
    pool = "train" if "train" in order else "test"
    rest, splits = order.pop(pool), {kind: (kind, rows) for kind, rows in order.items()}
    if "test" not in splits:
        count = round(choices.test_share * len(rest))
        splits["test"], rest = (pool, rest[:count]), rest[count:]
    count = round(choices.validation_share * len(rest))
    for kind in ("validation", "capability"):
        if kind not in splits:
            splits[kind], rest = (pool, rest[:count]), rest[count:]
    splits["train"] = (pool, rest[: choices.train])
    if choices.more_train:
        splits["more_train"] = (pool, rest[len(splits["train"][1]) :][: choices.more_train])
    for kind, most in (("capability", choices.test), ("test", choices.test)):
        splits[kind] = (splits[kind][0], splits[kind][1][:most])
    check(source, splits)
    return {kind: splits[kind] for kind in KINDS if kind in splits}


def check(source: Source, splits: Mapping[str, tuple[str, Rows]]) -> None:
    """Raise DataError where a split is empty, a class has no training image or a group no test image."""
    for kind, (_, rows) in splits.items():
        if not len(rows):
            raise DataError(f"{source.where}: no image is left for {kind}; accepted: at least 1")
    kind, rows = splits["train"]
    counts = np.bincount(source.labels[kind][rows], minlength=len(source.class_names))
    if not counts.all():
        name = source.class_names[int(counts.argmin())]
        raise DataError(
            f"{source.where}: class {name!r} has no image among the {len(rows)} for train; accepted: at least 1"
        )
    if not source.groups:
        return
    kind, rows = splits["test"]
    counts = np.bincount(source.groups[kind][rows], minlength=len(source.group_names))
    if not counts.all():
        name = source.group_names[int(counts.argmin())]
        raise DataError(
            f"{source.where}: group {name!r} has no image among the {len(rows)} for test; accepted: at least 1"
        )


def stratified(labels: Rows, generator: np.random.Generator) -> Rows:
    """All rows in a random order whose first n, for any n, have each class in its share, give or take one image."""
    shuffled = generator.permutation(len(labels))
    position = np.empty(len(labels))
    for label in np.unique(labels):
        rows = shuffled[labels[shuffled] == label]
        position[rows] = (np.arange(len(rows)) + generator.random()) / len(rows)
    return np.argsort(position, kind="stable")


def read(source: Source, kind: str, rows: Rows, choices: Choices) -> Split:
    """A split of some rows."""
    groups = source.groups[kind][rows] if source.groups else None
    return split_of(source.read(kind, rows, choices.size), source.labels[kind][rows], groups)


def test_split(near: Loader) -> Split:
    """The test split of a dataset, without making the rest of it where that can be."""
    return near.test() if near.test else near.load().splits["test"]


def unlabelled(split: Split, name: str) -> Split:
    """Images of another dataset as outliers."""
    none = np.full(len(split), -1)
    return split_of(split.images, none, parts=np.zeros(len(split), dtype=np.int64), part_names=(name,))


def procedural_outliers(choices: Choices) -> dict[str, Split]:
    """The splits of outliers that every dataset can have."""
    count, half = choices.training_outliers, choices.training_outliers // 2
    generator = choices.generator("training_outliers")
    families = {
        "mosaics": procedural.mosaics(count - half, choices.size, generator),
        "strokes": procedural.strokes(half, choices.size, generator),
    }
    return {
        "far_outliers": procedural.far_outliers(choices.outliers, choices.size, choices.generator("far_outliers")),
        "training_outliers": procedural.outlier_split(families),
    }
