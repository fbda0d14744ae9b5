"""Games: what their kinds mean, and what is refused before anything is computed."""

import re

import numpy as np
import pytest

from pipelines import parts
from pipelines.data import DataError
from pipelines.games import domain
from pipelines.games.data import Dataset, games_of
from pipelines.parts import WrongOptions

PACKAGE = "pipelines.games.datasets"
GAME = [3, 0, 5, 1, 3, 0, 5, 1]


def payoffs_of(data: Dataset, kind: str) -> tuple[np.ndarray, np.ndarray]:
    """Of both players, [n, 4] each."""
    split = data.splits["train"]
    games = split.payoffs[split.kinds == split.kind_names.index(kind)]
    return games[:, 0], games[:, 1]


def test_a_kind_is_what_it_is_called(repeated: Dataset) -> None:
    for kind in ("prisoners_dilemma", "stag_hunt", "chicken", "harmony"):
        one, other = payoffs_of(repeated, kind)
        assert len(one) == 20
        assert np.array_equal(one, other)
        reward, sucker, temptation, punishment = one.T
        orders = {
            "prisoners_dilemma": (temptation > reward, reward > punishment, punishment > sucker),
            "stag_hunt": (reward > temptation, temptation > punishment, punishment > sucker),
            "chicken": (temptation > reward, reward > sucker, sucker > punishment),
            "harmony": (reward > sucker, sucker > temptation, temptation > punishment),
        }
        assert all(each.all() for each in orders[kind])
        if kind == "prisoners_dilemma":
            assert (2 * reward > temptation + sucker).all()
    one, other = payoffs_of(repeated, "battle_of_the_sexes")
    assert (one[:, 0] == other[:, 3]).all()
    assert (one[:, 3] == other[:, 0]).all()
    assert (one[:, 0] > one[:, 3]).all()
    assert (one[:, [1, 2]] < one[:, [3]]).all()


@pytest.mark.parametrize("name", ["repeated", "matrices"])
def test_a_data_set_is_what_its_shape_says_and_the_same_again(name: str) -> None:
    options = {"train": 60, "capability": 12, "test": 12} | ({"payoffs": [GAME]} if name == "matrices" else {})
    loader = parts.load(PACKAGE, name, options)
    shape, one, other = loader.shape(), loader.load(), loader.load()
    assert shape.splits == tuple(one.splits)
    assert shape.about == {"discount": 0.9}
    assert shape.train == len(one.splits["train"]) == 60
    assert all(np.array_equal(one.splits[each].payoffs, other.splits[each].payoffs) for each in one.splits)
    assert domain.overlaps(one) == []
    assert domain.describe(one)["discount"] == 0.9


def test_given_games_are_brought_to_one_range_and_drawn_around_their_payoffs() -> None:
    options = {"payoffs": [GAME, [0, 0, 10, 10, 5, 5, 5, 5]], "train": 2000, "spread": 0.02}
    split = parts.load(PACKAGE, "matrices", options).load().splits["train"]
    means = [split.payoffs[split.kinds == each].mean(0) for each in (0, 1)]
    assert means[0][0, 2] == pytest.approx(0.5, abs=0.005)
    assert means[1][1] == pytest.approx(np.full(4, 0.5), abs=0.005)
    assert split.payoffs.min() >= 0
    assert split.payoffs.max() <= 1


@pytest.mark.parametrize(
    ("payoffs", "message"),
    [
        ([[1, 2, 3]], "'payoffs': game 1 is [1, 2, 3], not a list of 8 numbers"),
        ([GAME, [*GAME[:7], float("nan")]], "'payoffs': game 2 has nan, not a finite number"),
        ([[*GAME[:7], float("inf")]], "'payoffs': game 1 has inf, not a finite number"),
        ([[*GAME[:7], "x"]], "'payoffs': game 1 has 'x', not a finite number"),
        ([[1] * 8], "'payoffs' is [[1, 1, 1, 1, 1, 1, 1, 1]], not a list of games whose payoffs differ"),
    ],
)
def test_payoffs_that_cannot_be_are_named_before_anything_is_drawn(payoffs: object, message: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        domain.shape({"use": "matrices", "options": {"payoffs": payoffs}})


@pytest.mark.parametrize("name", ["repeated", "matrices"])
@pytest.mark.parametrize("discount", [-0.1, 1.0])
def test_a_discount_that_cannot_be_is_named_before_anything_is_drawn(name: str, discount: float) -> None:
    options = {"discount": discount} | ({"payoffs": [GAME]} if name == "matrices" else {})
    with pytest.raises(WrongOptions, match=f"^'discount' is {discount}, not a number from 0 to 0.99$"):
        domain.shape({"use": name, "options": options})


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        (np.nan, "1 of 2 games have a payoff that is not finite; accepted: none"),
        (1.5, "1 of 2 games have a payoff outside [0, 1]; accepted: none"),
        (0.0, "1 of 2 games have a player to whom all is one; accepted: none"),
    ],
)
def test_games_that_cannot_be_are_counted(changed: float, message: str) -> None:
    payoffs = np.zeros((2, 2, 4))
    payoffs[:, :, 0] = 1
    payoffs[1, 1, 0] = changed
    with pytest.raises(DataError, match=f"^{re.escape(message)}$"):
        games_of(payoffs, np.zeros(2, dtype=np.int64), ("any",), 0.9)


def test_a_game_to_learn_from_that_is_tested_too_is_refused(repeated: Dataset) -> None:
    twice = Dataset("repeated", {"train": repeated.splits["train"], "test": repeated.splits["train"]})
    with pytest.raises(DataError, match=r"^repeated: 120 of the games of test are in train, too; accepted: none$"):
        domain.overlaps(twice)
