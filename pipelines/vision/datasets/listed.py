"""Images listed in a CSV with their class and an attribute that should not matter, as Waterbirds and CelebA have them.

Groups are class by attribute, the largest of a class in training first. The test images are the split `spurious`, too,
for the measurements by group; the training images have groups, for methods that ask for them.
"""

import csv
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray

from pipelines.data import DataError
from pipelines.parts import Count, Range, Share, Whole
from pipelines.vision.data import Loader
from pipelines.vision.datasets import _images
from pipelines.vision.datasets._labelled import AtLeastTwo, Choices, Source, loader

KINDS = {
    "0": "train",
    "train": "train",
    "1": "validation",
    "val": "validation",
    "valid": "validation",
    "validation": "validation",
    "2": "test",
    "test": "test",
}


def dataset(
    *,
    path: str,
    table: str = "metadata.csv",
    image: str = "img_filename",
    label: str = "y",
    group: str = "place",
    split: str | None = None,
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
    """path: the folder. table: the CSV in it; image, label, group, split: its columns with the file below the folder,
    the class, the attribute, and where each image belongs (train, val, test or 0, 1, 2). Without split, shares are
    split off. train, more_train (of what train leaves), test: at most so many images, every group in its share.
    validation_share (of training, for validation and for the capability score), test_share (of all): where there is no
    such split. near_outliers: {use: dataset, ...its options}."""
    choices = Choices(
        size, train, more_train, test, validation_share, test_share, outliers, training_outliers, near_outliers, seed
    )
    columns = {"image": image, "label": label, "group": group, **({"split": split} if split else {})}
    return loader("listed", lambda: source(Path(path), table, columns), choices)


def source(path: Path, table: str, columns: Mapping[str, str]) -> Source:
    """The images that a table lists; none is opened. Raises DataError."""
    rows = rows_of(path / table, columns)
    kinds = [kind_of(path / table, number, row) for number, row in enumerate(rows, start=1)]
    learnt = [row for row, kind in zip(rows, kinds, strict=True) if kind == "train"]
    classes, groups = distinct(row["label"] for row in rows), distinct_pairs(rows, learnt)
    if len(classes) < 2:
        raise DataError(f"{path / table}: names 1 class, {classes[0]!r}; accepted: at least 2")
    if len(groups) == len(classes):
        raise DataError(f"{path / table}: each class has one group alone; accepted: a class in at least 2")
    placed = {kind: [row for row, other in zip(rows, kinds, strict=True) if other == kind] for kind in set(kinds)}
    if "train" not in placed:
        raise DataError(f"{path / table}: lists no image for train; accepted: at least 1")
    files = {kind: [path / row["image"] for row in some] for kind, some in placed.items()}
    for file in (file for some in files.values() for file in some):
        if not file.is_file():
            raise DataError(f"{file}: no such file, though {table} lists it")

    def read(kind: str, wanted: NDArray[np.int64], size: int) -> NDArray[np.uint8]:
        images = np.empty((len(wanted), size, size, 3), dtype=np.uint8)
        for place, row in enumerate(wanted):
            images[place] = _images.read(files[kind][row], size)
        return images

    order = sorted(placed)
    labels = {kind: np.array([classes.index(row["label"]) for row in placed[kind]]) for kind in order}
    of_groups = {kind: np.array([groups.index((row["label"], row["group"])) for row in placed[kind]]) for kind in order}
    names = tuple(f"{label}, {attribute}" for label, attribute in groups)
    return Source(str(path), tuple(classes), labels, read, of_groups, names)


def rows_of(file: Path, columns: Mapping[str, str]) -> list[dict[str, str]]:
    """The cells of the columns that are asked for, by what they are, a row for each image."""
    try:
        with file.open(encoding="utf-8-sig", newline="") as opened:
            table = csv.DictReader(opened)
            header = table.fieldnames or []
            rows = list(table)
    except OSError as error:
        raise DataError(f"{file}: {error.strerror}; accepted: a CSV that lists images") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{file}: not a CSV in UTF-8: {error}") from error
    for what, column in columns.items():
        if column not in header:
            raise DataError(f"{file}: has no column {column!r} for {what!r}; accepted: {', '.join(header)}")
    for number, row in enumerate(rows, start=1):
        for column in columns.values():
            if not (row[column] or "").strip():
                raise DataError(f"{file}: row {number}: {column!r} is empty")
    if not rows:
        raise DataError(f"{file}: lists no image; accepted: at least 1")
    return [{what: row[column].strip() for what, column in columns.items()} for row in rows]


def kind_of(file: Path, number: int, row: Mapping[str, str]) -> str:
    """The kind of split that a row's image belongs to."""
    kind = KINDS.get(row.get("split", "train").lower())
    if kind is None:
        raise DataError(f"{file}: row {number}: {row['split']!r} is no split; accepted: {', '.join(KINDS)}")
    return kind


def distinct(texts: Any) -> list[str]:
    """Different texts, numbers by their size."""
    found = set(texts)
    return sorted(found, key=lambda text: (not text.lstrip("-").isdecimal(), _number(text), text))


def distinct_pairs(rows: Sequence[Mapping[str, str]], learnt: Sequence[Mapping[str, str]]) -> list[tuple[str, str]]:
    """The groups that there are, by class, of each class the largest among the training images first: there the
    attribute goes with the class.
    """
    classes, attributes = distinct(row["label"] for row in rows), distinct(row["group"] for row in rows)
    found = {(row["label"], row["group"]) for row in rows}
    sizes = Counter((row["label"], row["group"]) for row in learnt)
    return [
        (label, attribute)
        for label in classes
        for attribute in sorted(attributes, key=lambda other: -sizes[label, other])
        if (label, attribute) in found
    ]


def _number(text: str) -> int:
    return int(text) if text.lstrip("-").isdecimal() and text.lstrip("-").isascii() else 0
