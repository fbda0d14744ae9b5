"""Data sets of rows: what is known of them by how they are drawn, and what they refuse."""

import re

import numpy as np
import pytest

from pipelines import parts
from pipelines.data import DataError
from pipelines.tabular import arrays, domain
from pipelines.tabular.data import SPLITS, Dataset, Examples, split_of
from pipelines.tabular.datasets import series as drawn
from pipelines.tabular.overlaps import overlaps

PACKAGE = "pipelines.tabular.datasets"
NAMES = parts.names(PACKAGE)


@pytest.mark.parametrize("name", NAMES)
def test_a_data_set_is_what_its_shape_says_and_the_same_again(name: str, request: pytest.FixtureRequest) -> None:
    made: Dataset = request.getfixturevalue(name)
    sizes = {split: len(each) for split, each in made.splits.items()}
    option = {"drifted": "drifted", "unseen": "unseen"}
    loader = parts.load(PACKAGE, name, {option.get(split, split): size for split, size in sizes.items()})
    shape, again = loader.shape(), loader.load()
    assert shape.splits == tuple(made.splits)
    assert set(shape.splits) <= set(SPLITS)
    assert {"train", "validation", "capability", "test"} <= set(shape.splits)
    assert shape.about == {"features": made.splits["train"].rows.shape[1], "classes": len(made.class_names)}
    assert shape.train == len(made.splits["train"])
    for split, each in made.splits.items():
        assert np.array_equal(each.rows, again.splits[split].rows)
        assert each.rows.dtype == np.float32
        assert np.isfinite(each.rows).all()
        assert each.labels.max() < shape.classes
    assert overlaps(made) == []
    assert set(made.splits["train"].labels) == set(range(shape.classes))


@pytest.mark.parametrize("name", NAMES)
def test_what_is_stored_is_what_was_made(name: str, request: pytest.FixtureRequest) -> None:
    made: Dataset = request.getfixturevalue(name)
    for split in made.splits.values():
        back = arrays.split_from(arrays.split_arrays(split))
        assert back.part_names == split.part_names
        assert all(np.array_equal(getattr(back, each), getattr(split, each)) for each in ("rows", "labels", "truth"))
    examples = Examples(made.splits["test"], np.arange(200), np.zeros((2, 5), dtype=np.int64))
    back_again = arrays.examples_from(arrays.examples_arrays(examples))
    assert np.array_equal(back_again.split.rows, examples.split.rows)
    assert np.array_equal(back_again.streams, examples.streams)
    assert np.array_equal(back_again.rows, examples.rows)


def test_a_family_is_the_same_whichever_are_known() -> None:
    """Rows of tunnel as a known family lie where they lie as an unseen one."""
    many = {"train": 6000, "unseen": 3000}
    known = parts.load(PACKAGE, "flows", {**many, "families": ["tunnel"], "unseen_families": ["scan"]}).load()
    unseen = parts.load(PACKAGE, "flows", {**many, "families": ["scan"], "unseen_families": ["tunnel"]}).load()
    assert known.class_names == ("benign", "tunnel")
    for attack, split in ((known, "train"), (unseen, "unseen")):
        assert (attack.splits[split].labels != 0).sum() > 2000
    train = known.splits["train"]
    one, other = train.rows[train.labels == 1], unseen.splits["unseen"].rows
    error = np.sqrt(one.var(0) / len(one) + other.var(0) / len(other))
    assert (np.abs(one.mean(0) - other.mean(0)) < 5 * error).all()
    benign = train.rows[train.labels == 0]
    assert (np.abs(benign.mean(0) - other.mean(0)) > 5 * error).sum() >= 5


def test_unseen_families_are_in_no_other_split(flows: Dataset) -> None:
    assert set(flows.class_names) & set(flows.splits["unseen"].part_names) == set()
    assert (flows.splits["unseen"].labels == -1).all()
    assert all(
        (split.labels >= 0).all() for name, split in flows.splits.items() if "unseen" not in name and "out" not in name
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"unseen_families": ["scan"]}, "'families' and 'unseen_families' both have 'scan'"),
        (
            {"families": ["worm"]},
            "'families' has 'worm', not one of: scan, brute, flood, exfil, beacon, tunnel, spray, miner",
        ),
        ({"families": []}, "'families' is [], not a list of one family or more, each once"),
        ({"families": ["scan", "scan"]}, "'families' is ['scan', 'scan'], not a list of one family or more, each once"),
    ],
)
def test_families_that_cannot_be_are_named_before_anything_is_drawn(options: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        domain.shape({"use": "flows", "options": options})


def test_the_true_probabilities_of_a_series_are_the_shares_of_many_draws() -> None:
    """For some pasts, the next value drawn twenty thousand times each."""
    rng = np.random.default_rng(0)
    last, hours = rng.normal(0, 0.7, (12, 4)), rng.integers(0, 8, 12)
    for noise, strength in ((1.0, 1.0), (1.6, 0.6)):
        mean = drawn.expected(last, hours, strength)
        known = drawn.probabilities(mean - last[:, -1], noise * drawn.NOISE)
        moves = mean[:, None] + noise * 0.35 * rng.normal(size=(12, 20_000)) - last[:, -1:]
        shares = np.stack([(moves < -0.35).mean(1), (np.abs(moves) <= 0.35).mean(1), (moves > 0.35).mean(1)], axis=1)
        assert known.sum(1) == pytest.approx(1)
        assert np.abs(known - shares).max() < 5 * 0.5 / np.sqrt(20_000)


def test_the_labels_of_a_series_follow_its_true_probabilities() -> None:
    """Over many rows: the classes' shares where a probability is low, middling and high."""
    split = drawn.forecasts(20_000, 1.0, 1.0, np.random.default_rng(1))
    for each in range(3):
        for low, high in ((0.0, 0.2), (0.2, 0.6), (0.6, 1.0)):
            rows = (split.truth[:, each] >= low) & (split.truth[:, each] < high)
            expected, share = split.truth[rows, each].mean(), (split.labels[rows] == each).mean()
            assert share == pytest.approx(expected, abs=5 * np.sqrt(expected * (1 - expected) / rows.sum()))


def test_the_hour_and_the_half_of_the_day_of_a_row_agree() -> None:
    split = drawn.forecasts(100, 1.0, 1.0, np.random.default_rng(2))
    hour = np.round(np.arctan2(split.rows[:, -2], split.rows[:, -1]) / (2 * np.pi) * 8) % 8
    assert np.array_equal(split.groups, (hour >= 4).astype(int))


def test_a_row_in_two_splits_is_refused(flows: Dataset) -> None:
    test = flows.splits["test"]
    twice = Dataset("flows", flows.class_names, {"train": flows.splits["train"], "test": test, "validation": test})
    with pytest.raises(DataError, match=r"^flows: 200 of the rows of test are in validation, too; accepted: none$"):
        overlaps(twice)


def test_a_split_without_groups_or_truth_says_so() -> None:
    split = split_of(np.zeros((3, 2)), np.arange(3))
    assert (split.groups == -1).all()
    assert split.truth.shape == (3, 0)
    assert split.take(np.array([2, 0])).labels.tolist() == [2, 0]
