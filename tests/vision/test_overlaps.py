"""Images that stand in two splits: refused among outliers, counted or refused among test images."""

from dataclasses import replace

import numpy as np
import pytest

from pipelines.data import DataError
from pipelines.vision.data import Dataset, split_of
from pipelines.vision.overlaps import overlaps

PARTS = {"train": 400, "test": 200, "capability": 100, "near_outliers": 50, "far_outliers": 50, "training_outliers": 60}


def dataset_of(**copied: tuple[str, int]) -> Dataset:
    """Random images; of the named splits so many of the first are those of another split."""
    rng = np.random.default_rng(0)
    images = {name: rng.integers(0, 256, (count, 4, 4, 3)).astype(np.uint8) for name, count in PARTS.items()}
    for name, (other, count) in copied.items():
        images[name][:count] = images[other][:count]
    splits = {name: split_of(found, np.full(len(found), -1 if "outl" in name else 0)) for name, found in images.items()}
    return Dataset("mine", ("a", "b"), splits)


def test_splits_of_their_own_are_fine(glyphs: Dataset) -> None:
    assert overlaps(dataset_of()) == []
    assert overlaps(glyphs) == []


@pytest.mark.parametrize("outliers", ["near_outliers", "far_outliers"])
@pytest.mark.parametrize("other", ["train", "training_outliers", "test"])
def test_one_outlier_known_from_elsewhere_is_refused(outliers: str, other: str) -> None:
    with pytest.raises(DataError) as caught:
        overlaps(dataset_of(**{outliers: (other, 1)}))
    assert str(caught.value) == f"mine: 1 of the 50 images of {outliers} are in {other}, too; accepted: none"


def test_a_few_test_images_among_the_training_images_are_counted_and_more_refused() -> None:
    assert overlaps(dataset_of(test=("train", 2), capability=("train", 1))) == [
        "mine: 1 of the 100 images of capability are in train, too",
        "mine: 2 of the 200 images of test are in train, too",
    ]
    with pytest.raises(DataError) as caught:
        overlaps(dataset_of(test=("train", 3)))
    assert str(caught.value) == "mine: 3 of the 200 images of test are in train, too; accepted: at most 1 %"


def test_a_dataset_without_outliers_is_fine() -> None:
    dataset = dataset_of()
    few = {name: split for name, split in dataset.splits.items() if "outl" not in name}
    assert overlaps(replace(dataset, splits=few)) == []
