"""Worst group and gap: hand-made groups, the spread of a minimum. Shape bias and its coverage: hand-made answers."""

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from pipelines.metrics import (
    accuracy_gap,
    cue_conflict_coverage,
    last_group_accuracy,
    shape_bias,
    worst_group_accuracy,
)
from pipelines.outcomes import Measured, Outcomes, Unmeasurable

Build = Callable[..., Outcomes]


@pytest.fixture(scope="session")
def of_groups(outcomes_of: Build) -> Build:
    """Outcomes with so many right of so many in each group."""

    def build(right: list[int], size: list[int]) -> Outcomes:
        hits = np.concatenate([np.arange(n) < k for k, n in zip(right, size, strict=True)])
        return outcomes_of(np.eye(2)[np.where(hits, 0, 1)], np.zeros(len(hits)), np.repeat(np.arange(len(size)), size))

    return build


def test_worst_group_and_gap_by_hand(of_groups: Build) -> None:
    outcomes = of_groups([90, 30, 80], [100, 50, 100])
    assert worst_group_accuracy.metric()(outcomes).value == pytest.approx(0.6)
    assert accuracy_gap.metric()(outcomes).value == pytest.approx(0.8 - 0.6)
    assert worst_group_accuracy.metric()(outcomes).n == 50
    assert accuracy_gap.metric()(outcomes).n == 250


def test_of_groups_as_accurate_the_smallest_counts(of_groups: Build) -> None:
    found = worst_group_accuracy.metric()(of_groups([90, 40, 20, 50], [100, 50, 25, 60]))
    assert (found.value, found.n) == (0.8, 25)


def test_last_group_by_hand(of_groups: Build) -> None:
    outcomes = of_groups([90, 30, 80], [100, 50, 100])
    found = last_group_accuracy.metric()(outcomes)
    assert (found.value, found.n) == (0.8, 100)
    assert found.standard_error == pytest.approx(math.sqrt(0.8 * 0.2 / 99))
    assert last_group_accuracy.metric()(outcomes.rows(outcomes.groups < 2)).value == pytest.approx(0.6)
    with pytest.raises(Unmeasurable, match=r"^no examples of a known class in a group$"):
        last_group_accuracy.metric()(replace(outcomes, groups=np.full(250, -1)))


def test_rows_of_no_group_do_not_enter(outcomes_of: Build) -> None:
    outcomes = outcomes_of(np.eye(2)[[0, 0, 1, 1]], [0, 0, 0, 0], [0, 1, -1, -1])
    assert worst_group_accuracy.metric()(outcomes) == Measured(1.0, None, 1)
    with pytest.raises(Unmeasurable, match=r"^no examples of a known class in a group$"):
        worst_group_accuracy.metric()(outcomes.rows(outcomes.groups < 0))


def test_an_empty_group_has_no_accuracy(outcomes_of: Build) -> None:
    outcomes = outcomes_of(np.eye(2)[[0, 0, 1]], [0, 0, 0], [0, 2, 2])
    for metric in (worst_group_accuracy.metric(), accuracy_gap.metric()):
        with pytest.raises(Unmeasurable, match=r"^group 1 of 3 has no examples$"):
            metric(outcomes)


def test_one_group_has_no_gap(of_groups: Build) -> None:
    with pytest.raises(Unmeasurable, match=r"^only one group$"):
        accuracy_gap.metric()(of_groups([5], [10]))


def test_a_group_far_below_the_others_has_its_binomial_error(of_groups: Build) -> None:
    measured = worst_group_accuracy.metric()(of_groups([950, 60, 940], [1000, 100, 1000]))
    assert measured.standard_error == pytest.approx(math.sqrt(0.6 * 0.4 / 100), rel=0.05)


@pytest.mark.parametrize(
    ("truth", "excess"), [([0.9, 0.6, 0.9, 0.95], 1.15), ([0.8] * 4, 1.3), ([0.8, 0.75, 0.9], 1.25)]
)
@pytest.mark.slow
def test_error_covers_the_simulated_spread_of_the_minimum(of_groups: Build, truth: list[float], excess: float) -> None:
    rng = np.random.default_rng(5)
    size = [100, 150, 200, 250][: len(truth)]
    for metric in (worst_group_accuracy.metric(), accuracy_gap.metric()):
        runs = [metric(of_groups(rng.binomial(size, truth), size)) for _ in range(300)]
        spread = np.std([run.value for run in runs])
        error = np.sqrt(np.mean([(run.standard_error or 0) ** 2 for run in runs]))
        assert 0.85 * spread < error < excess * spread


def test_gap_and_worst_group_add_up_to_the_average(of_groups: Build) -> None:
    outcomes = of_groups([3, 7, 5], [10, 8, 6])
    parts = worst_group_accuracy.metric()(outcomes).value + accuracy_gap.metric()(outcomes).value
    assert parts == pytest.approx(15 / 24)


def test_shape_bias_counts_answers_by_shape_or_cue(outcomes_of: Build) -> None:
    """Answers: 3 by shape, 1 by cue, 4 by neither; two rows whose cue agrees and two without one are left out."""
    answers = [0, 0, 0, 1, 2, 2, 3, 3, 0, 1, 0, 1]
    groups = [1, 1, 1, 1, 1, 1, 1, 1, 0, 0, -1, -1]
    outcomes = outcomes_of(np.eye(4)[answers], np.zeros(12), groups)
    bias, coverage = shape_bias.metric()(outcomes), cue_conflict_coverage.metric()(outcomes)
    assert bias == Measured(3 / 4, math.sqrt(0.75 * 0.25 / 3), 4)
    assert coverage == Measured(1 / 2, math.sqrt(0.5 * 0.5 / 7), 8)


def test_answers_at_random_have_no_bias(outcomes_of: Build) -> None:
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 10, 20_000)
    groups = (labels + rng.integers(1, 10, 20_000)) % 10
    outcomes = outcomes_of(rng.standard_normal((20_000, 10)), labels, groups)
    assert shape_bias.metric()(outcomes).value == pytest.approx(0.5, abs=0.03)
    assert cue_conflict_coverage.metric()(outcomes).value == pytest.approx(0.2, abs=0.012)


def test_shape_bias_needs_conflicts_and_answers_among_them(outcomes_of: Build) -> None:
    agreeing = outcomes_of(np.eye(3)[[0, 1]], [0, 1], [0, 1])
    for metric in (shape_bias.metric(), cue_conflict_coverage.metric()):
        with pytest.raises(Unmeasurable, match=r"^no examples whose cue points to another class than the label$"):
            metric(agreeing)
    neither = outcomes_of(np.eye(3)[[2, 2]], [0, 1], [1, 0])
    with pytest.raises(Unmeasurable, match=r"^none of 2 answers is the label or the cue's class$"):
        shape_bias.metric()(neither)
    assert cue_conflict_coverage.metric()(neither) == Measured(0.0, 0.0, 2)
