"""Every condition, by listing the folder, on policies of which the values are known."""

from collections.abc import Callable

import numpy as np
import pytest
import torch

from pipelines import parts
from pipelines.data import DataError
from pipelines.games import arrays, running
from pipelines.games.condition import Condition, outcomes_of
from pipelines.games.data import Dataset, games_of
from pipelines.games.payoffs import swapped
from pipelines.games.policy import Policy
from pipelines.outcomes import Outcomes

PACKAGE = "pipelines.games.conditions"
NAMES = parts.names(PACKAGE)
COOPERATE, DEFECT = (40.0,) * 5, (-40.0,) * 5
TIT_FOR_TAT = (40.0, 40.0, -40.0, 40.0, -40.0)
RANGES = {"payoff": (-1, 1), "welfare": (0, 1), "inequality": (0, 1), "nash_conv": (0, 2), "security": (-1, 1)}
PEERS = {"cross_play": {"peers": 2, "width": 4, "steps": 5}}
Make = Callable[..., Policy]


def outcomes(name: str, data: Dataset, policy: Policy, **options: object) -> Outcomes:
    condition: Condition = parts.load(PACKAGE, name, {**PEERS.get(name, {}), **options})
    examples = condition.examples(data, np.random.default_rng(0))
    return outcomes_of(examples, condition.values(policy, examples))


def dilemma(discount: float = 0.9) -> Dataset:
    """One prisoner's dilemma of 3, 0, 5 and 1, in fifths."""
    game = np.array([[[3.0, 0.0, 5.0, 1.0]] * 2]) / 5
    split = games_of(game, np.zeros(1, dtype=np.int64), ("prisoners_dilemma",), discount)
    return Dataset("one", dict.fromkeys(("train", "capability", "test"), split))


@pytest.mark.parametrize("name", NAMES)
def test_outcomes_are_whole_and_come_out_the_same_again(name: str, repeated: Dataset, policy: Policy) -> None:
    condition: Condition = parts.load(PACKAGE, name, PEERS.get(name, {}))
    first, again = outcomes(name, repeated, policy), outcomes(name, repeated, policy)
    assert len(first) == 60
    assert first.logits.shape == (60, 0)
    assert first.part_names == repeated.splits["test"].kind_names
    assert set(first.values) == set(condition.has)
    for value, recorded in first.values.items():
        low, high = RANGES[value]
        assert recorded.dtype == np.float32
        assert (recorded >= low).all()
        assert (recorded <= high).all()
        assert np.array_equal(recorded, again.values[value])


@pytest.mark.parametrize("name", NAMES)
def test_a_condition_can_have_games_of_one_kind(name: str, repeated: Dataset, policy: Policy) -> None:
    every, hunts = outcomes(name, repeated, policy), outcomes(name, repeated, policy, kind="stag_hunt")
    assert len(hunts) == 10
    assert hunts.part_names == ()
    if name != "population":  # whose opponents are drawn for the games it has
        for value, recorded in hunts.values.items():
            assert recorded == pytest.approx(every.part("stag_hunt").values[value], abs=1e-6)
    with pytest.raises(
        DataError, match=r"^repeated: no games of the kind 'poker', only prisoners_dilemma, stag_hunt, "
    ):
        outcomes(name, repeated, policy, kind="poker")


def test_what_cooperators_and_defectors_have_in_a_dilemma(always: Make) -> None:
    found = outcomes("self_play", dilemma(), always(*COOPERATE)).values
    assert (found["welfare"][0], found["inequality"][0]) == pytest.approx((1.0, 0.0))
    found = outcomes("self_play", dilemma(), always(*DEFECT)).values
    assert (found["welfare"][0], found["inequality"][0]) == pytest.approx((0.0, 0.0))


@pytest.mark.parametrize(
    ("logits", "each"),
    [(COOPERATE, 0.4), (DEFECT, 0.0), (TIT_FOR_TAT, 0.0)],
    ids=["cooperate", "defect", "tit for tat"],
)
def test_what_best_replies_gain_in_a_dilemma(logits: tuple[float, ...], each: float, always: Make) -> None:
    """Temptation less reward from one who always cooperates; nothing from the two that are in equilibrium."""
    assert outcomes("exploit", dilemma(), always(*logits)).values["nash_conv"][0] == pytest.approx(2 * each, abs=1e-6)


def test_what_is_left_against_the_worst_in_a_dilemma(always: Make) -> None:
    """Defecting secures 1; who always cooperates is left 0, tit for tat 0 once and then 1."""
    left = [outcomes("security", dilemma(), always(*each)).values["security"][0] for each in (DEFECT, COOPERATE)]
    assert left == pytest.approx([0.0, -0.2])
    once = outcomes("security", dilemma(), always(*TIT_FOR_TAT)).values["security"][0]
    assert once == pytest.approx(-0.2 * 0.1, abs=1e-6)


def test_a_policy_that_moves_at_random_gains_nothing(repeated: Dataset, always: Make) -> None:
    assert outcomes("population", repeated, always(*[0.0] * 5)).values["payoff"] == pytest.approx(0, abs=1e-6)


def test_defecting_is_a_best_reply_to_those_who_do_not_remember(always: Make) -> None:
    """And no best reply to tit for tat, who are among the opponents."""
    both = outcomes("population", dilemma(), always(*DEFECT), opponents=40).values["payoff"][0]
    assert 0 < both < 0.99


def test_unseen_opponents_are_others(repeated: Dataset, policy: Policy) -> None:
    seen, unseen = (outcomes("population", repeated, policy, unseen=each).values["payoff"] for each in (False, True))
    assert not np.array_equal(seen, unseen)


def test_swapped_players_leave_what_is_played_in_both_seats_as_it_is(repeated: Dataset, policy: Policy) -> None:
    turned = {
        name: games_of(swapped(torch.from_numpy(each.payoffs)).numpy(), each.kinds, each.kind_names, each.discount)
        for name, each in repeated.splits.items()
    }
    for name in ("self_play", "exploit", "population"):
        there, back = (outcomes(name, data, policy).values for data in (repeated, Dataset("turned", turned)))
        assert all(there[value] == pytest.approx(back[value], abs=1e-6) for value in there)


def test_what_is_stored_is_what_was_made(repeated: Dataset, policy: Policy) -> None:
    """Through arrays and back, as in a run."""
    split = repeated.splits["test"]
    back = arrays.split_from(arrays.split_arrays(split))
    assert (back.kind_names, back.discount) == (split.kind_names, split.discount)
    assert np.array_equal(back.payoffs, split.payoffs)
    spec = {"use": "population", "options": parts.full_options(PACKAGE, "population")}
    condition: Condition = parts.load(PACKAGE, "population")
    examples = condition.examples(repeated, np.random.default_rng(0))
    stored = arrays.examples_from(arrays.examples_arrays(examples))
    one, other = (running.predict(spec, policy, each, 0) for each in (examples, stored))
    assert np.array_equal(one.values["payoff"], other.values["payoff"])
    assert np.array_equal(one.examples, other.examples)
