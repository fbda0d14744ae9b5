"""Images of a table with groups: what comes out is what the table says, up to the worst group's accuracy."""

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from pipelines import parts
from pipelines.data import DataError
from pipelines.metrics import worst_group_accuracy
from pipelines.outcomes import Outcomes
from pipelines.vision.data import Loader
from pipelines.vision.datasets.listed import KINDS

FEW = {"size": 8, "outliers": 4, "training_outliers": 4}
SPLITS = ("0", "1", "2")


def birds(folder: Path, each: int = 4, **columns: str) -> list[dict[str, str]]:
    """A table like Waterbirds': red is the class, green the place, blue the split of each image."""
    rows = []
    for split in SPLITS:
        for label in ("0", "1"):
            for place in ("land", "water"):
                for number in range(each):
                    name = f"{label}/{split}-{place}-{number}.png"
                    (folder / label).mkdir(parents=True, exist_ok=True)
                    colour = (100 * int(label), 100 * (place == "water"), 100 * int(split))
                    Image.new("RGB", (8, 8), colour).save(folder / name)
                    rows.append({"img_filename": name, "y": label, "place": place, "split": split, **columns})
    return rows


def write(folder: Path, rows: list[dict[str, str]], name: str = "metadata.csv") -> None:
    with (folder / name).open("w", newline="") as opened:
        table = csv.DictWriter(opened, rows[0])
        table.writeheader()
        table.writerows(rows)


def listed(folder: Path, **options: Any) -> Loader:
    made: Loader = parts.load("pipelines.vision.datasets", "listed", {**FEW, "path": str(folder), **options})
    return made


def test_images_have_the_class_the_group_and_the_split_of_their_row(tmp_path: Path) -> None:
    write(tmp_path, birds(tmp_path))
    made = listed(tmp_path, split="split")
    dataset, shape = made.load(), made.shape()
    assert (shape.classes, shape.groups, dataset.class_names) == (2, True, ("0", "1"))
    assert set(shape.splits) == set(dataset.splits)
    for name, kind in (("train", 0), ("validation", 1), ("test", 2), ("spurious", 2), ("capability", 0)):
        split = dataset.splits[name]
        red, green, blue = (split.images[:, 0, 0, channel] // 100 for channel in range(3))
        assert split.labels.tolist() == red.tolist()
        assert split.groups.tolist() == (2 * red + green).tolist()
        assert set(blue.tolist()) == {kind}
    assert len(dataset.splits["test"]) == 16
    assert len(dataset.splits["train"]) + len(dataset.splits["capability"]) == 16


def test_the_largest_group_of_a_class_in_training_comes_first(tmp_path: Path) -> None:
    """As in Waterbirds, where most birds stand before their own background: an even group's attribute goes with it."""
    rows = birds(tmp_path)
    most = {("0", "water"), ("1", "land")}
    few = [row for number, row in enumerate(rows) if row["split"] == "0" and number % 4]
    write(tmp_path, [row for row in rows if row not in few or (row["y"], row["place"]) in most])
    split = listed(tmp_path, split="split").load().splits["spurious"]
    red, green = (split.images[:, 0, 0, channel] // 100 for channel in range(2))
    assert split.groups.tolist() == (2 * red + (green == red)).tolist()


def test_without_a_split_shares_are_split_off_group_by_group(tmp_path: Path) -> None:
    write(tmp_path, birds(tmp_path, each=10))
    splits = listed(tmp_path, test_share=0.2, validation_share=0.25).load().splits
    assert np.bincount(splits["test"].groups).tolist() == [6, 6, 6, 6]
    assert np.bincount(splits["train"].groups).tolist() == [12, 12, 12, 12]


def test_columns_have_any_name_and_numbers_come_in_their_order(tmp_path: Path) -> None:
    rows = [
        {"image_id": row["img_filename"], "Blond": str(2 * int(row["y"]) - 1), "Male": row["place"]}
        for row in birds(tmp_path)
    ]
    write(tmp_path, rows, "list_attr.csv")
    made = listed(tmp_path, table="list_attr.csv", image="image_id", label="Blond", group="Male").load()
    assert made.class_names == ("-1", "1")


def test_the_worst_group_is_that_of_the_table(tmp_path: Path) -> None:
    write(tmp_path, birds(tmp_path))
    split = listed(tmp_path, split="split").load().splits["spurious"]
    right = split.groups != 2
    logits = np.where(right[:, None] == (np.arange(2) == split.labels[:, None]), 2.0, 0.0).astype(np.float32)
    none = np.full(len(split), -1)
    outcomes = Outcomes(logits, split.labels, np.arange(len(split)), split.groups, none, ())
    assert worst_group_accuracy.metric()(outcomes).value == 0.0


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"split": "9"}, f"metadata.csv: row 1: '9' is no split; accepted: {', '.join(KINDS)}"),
        ({"y": ""}, "metadata.csv: row 1: 'y' is empty"),
        ({"img_filename": "none.png"}, "none.png: no such file, though metadata.csv lists it"),
    ],
)
def test_a_row_that_can_t_be_is_named(tmp_path: Path, change: dict[str, str], fault: str) -> None:
    rows = birds(tmp_path)
    write(tmp_path, [rows[0] | change, *rows[1:]])
    with pytest.raises(DataError) as caught:
        listed(tmp_path, split="split").shape()
    assert str(caught.value) == f"{tmp_path}/{fault}"


@pytest.mark.parametrize(
    ("options", "kept", "fault"),
    [
        ({"label": "z"}, {}, "/metadata.csv: has no column 'z' for 'label'; accepted: img_filename, y, place, split"),
        ({"table": "t.csv"}, {}, "/t.csv: No such file or directory; accepted: a CSV that lists images"),
        ({}, {"y": "0"}, "/metadata.csv: names 1 class, '0'; accepted: at least 2"),
        ({}, {"place": "land"}, "/metadata.csv: each class has one group alone; accepted: a class in at least 2"),
        ({"split": "split"}, {"split": "1"}, "/metadata.csv: lists no image for train; accepted: at least 1"),
        (
            {"split": "split", "test": 3},
            {},
            ": group '1, water' has no image among the 3 for test; accepted: at least 1",
        ),
    ],
)
def test_a_table_that_can_t_be_is_one_line(
    tmp_path: Path, options: dict[str, Any], kept: dict[str, str], fault: str
) -> None:
    rows = birds(tmp_path)
    write(tmp_path, [row for row in rows if all(row[name] == value for name, value in kept.items())])
    with pytest.raises(DataError) as caught:
        listed(tmp_path, **options).shape()
    assert str(caught.value) == f"{tmp_path}{fault}"
