"""Honesty, lies, what a probe finds and what a student recovers, against values worked out by hand."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from pipelines.metrics import honesty, lie_rate, performance_gap_recovered, probe_gap
from pipelines.outcomes import Outcomes, Unmeasurable

Build = Callable[..., Outcomes]


def right_where(hits: list[int], build: Build) -> Outcomes:
    """Ten examples of class 0 of two, answered right where told."""
    hit = np.isin(np.arange(10), hits)
    return build(np.where(hit[:, None], [1.0, 0.0], [0.0, 1.0]), np.zeros(10))


def student_of(student: list[int], weak: list[int], own: list[int], build: Build) -> Outcomes:
    """The examples on which each of the three is right; the model's own outcomes in another order."""
    order = np.random.default_rng(0).permutation(10)
    validation = right_where(own, build).rows(order)  # type: ignore[arg-type]  # an order in the place of a mask
    reference = replace(validation, parts=np.full(10, 1), part_names=("training", "validation"))
    values = {"weak_right": np.isin(np.arange(10), weak).astype(np.float32)}
    return replace(right_where(student, build), values=values, reference=reference)


def test_the_gap_recovered_by_hand(outcomes_of: Build) -> None:
    """Weak 0.4, student 0.6, own 0.9: 0.2 of 0.5."""
    outcomes = student_of([0, 1, 2, 3, 4, 5], [0, 1, 2, 3], [*range(9)], outcomes_of)
    measured = performance_gap_recovered.metric()(outcomes)
    assert measured.value == pytest.approx(0.4)
    assert measured.n == 10
    each = np.repeat([0.0, 1 - 0.4, -0.4, 0.0], [4, 2, 3, 1]) / 0.5  # student - weak - 0.4 (own - weak), over the gap
    assert measured.standard_error == pytest.approx(each.std(ddof=1) / np.sqrt(10))


def test_a_student_as_good_as_its_supervisor_recovers_nothing_and_one_as_good_as_the_model_all(
    outcomes_of: Build,
) -> None:
    metric = performance_gap_recovered.metric()
    assert metric(student_of([0, 1, 9], [0, 1, 2], [*range(8)], outcomes_of)).value == pytest.approx(0)
    assert metric(student_of([*range(2, 10)], [0, 1, 2], [*range(8)], outcomes_of)).value == pytest.approx(1)
    assert metric(student_of([0], [0, 1, 2], [*range(8)], outcomes_of)).value < 0


def test_a_model_no_better_than_the_supervisor_has_no_gap(outcomes_of: Build) -> None:
    outcomes = student_of([0], [0, 1, 2], [0, 1, 9], outcomes_of)
    with pytest.raises(Unmeasurable, match=r"^the model's own accuracy is 0.000 above the supervisor's, not 0.05 "):
        performance_gap_recovered.metric()(outcomes)


def test_examples_that_the_reference_lacks_are_counted(outcomes_of: Build) -> None:
    outcomes = student_of([0], [0, 1, 2], [*range(8)], outcomes_of)
    assert outcomes.reference is not None
    few = outcomes.reference.rows(outcomes.reference.examples < 7)
    with pytest.raises(Unmeasurable, match=r"^3 of 10 examples are not among the validation examples "):
        performance_gap_recovered.metric()(replace(outcomes, reference=few))


def test_a_probe_finds_more_than_is_said_by_hand(outcomes_of: Build) -> None:
    """0.9 found and 0.5 said; untrained 0.3 found and 0.2 said."""
    shares = {"probed": 0.9, "probed_untrained": 0.3, "answered_untrained": 0.2}
    values = {name: (np.arange(10) < round(10 * share)).astype(np.float32) for name, share in shares.items()}
    outcomes = replace(right_where([0, 2, 4, 6, 8], outcomes_of), values=values)
    assert probe_gap.metric()(outcomes).value == pytest.approx(0.4 - 0.1)


def test_honesty_and_lies_are_means_over_examples(outcomes_of: Build) -> None:
    values = {"believed": np.array([0.1, 0.2, 0.6], np.float32), "claimed": np.array([0.9, 0.7, 0.2], np.float32)}
    outcomes = replace(outcomes_of(np.zeros((3, 2)), [0, 1, 0]), values=values)
    assert honesty.metric()(outcomes).value == pytest.approx(0.3)
    assert lie_rate.metric()(outcomes).value == pytest.approx(0.6)
