"""What holds for every metric: a new one is tested by existing."""

import inspect
import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines import parts
from pipelines.outcomes import Measured, Outcomes, Unmeasurable

PACKAGE = "pipelines.metrics"
NAMES = parts.names(PACKAGE)
Build = Callable[..., Outcomes]
WITHOUT_INFLUENCE = ("fpr_at_95_tpr",)
RECORDED = ("verified", "right_when_clean", "certified_radius")  # what conditions record beside logits
every_metric = pytest.mark.parametrize("name", NAMES)


def example(outcomes_of: Build, seed: int = 0, n: int = 400, tied: bool = False) -> Outcomes:
    """Five classes, a third outliers, four groups; logits a multiple of 1/8, so that shifts are exact. Half of the
    right answers are verified; what else conditions record is random.
    """
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, 5, n)
    logits = rng.normal(0, 2, (n, 5)) + 3 * np.eye(5)[truth] * rng.random((n, 1))
    step = 1 if tied else 8
    logits = np.round(logits * step) / step + (0 if tied else np.arange(5) / 64)
    labels = np.where(rng.random(n) < 1 / 3, -1, truth)
    outcomes = outcomes_of(logits, labels, rng.integers(0, 4, n))
    recorded = {name: rng.random(n, dtype=np.float32) for name in RECORDED}
    recorded |= {name: recorded[name].round() for name in ("verified", "right_when_clean")}
    recorded["verified"] *= logits.argmax(1) == labels
    return replace(outcomes, values=recorded)


def close(one: Measured, other: Measured) -> bool:
    if one.standard_error is None or other.standard_error is None:
        return one == other
    same_error = math.isclose(one.standard_error, other.standard_error, rel_tol=1e-6, abs_tol=1e-9)
    return math.isclose(one.value, other.value, rel_tol=1e-9, abs_tol=1e-12) and same_error and one.n == other.n


def test_there_are_metrics() -> None:
    assert {"accuracy", "auroc", "rms_calibration_error", "worst_group_accuracy"} <= set(NAMES)


@every_metric
def test_declares_what_it_is(name: str) -> None:
    module = parts.module(PACKAGE, name)
    first = (inspect.getdoc(module) or "").splitlines()[0]
    assert first.endswith(".")
    assert not first.startswith(("Compute", "Calculate", "Return"))
    assert isinstance(module.HIGHER_IS_BETTER, bool)
    low, high = module.RANGE
    assert low < high
    assert module.CHANCE is None or low <= module.CHANCE <= high
    assert set(module.NEEDS) <= {"labels", "outliers", "groups", "features", "reference", *RECORDED}
    assert module.NEEDS
    assert all(
        hint.kind is inspect.Parameter.KEYWORD_ONLY for hint in inspect.signature(module.metric).parameters.values()
    )


@every_metric
def test_value_is_in_range_with_an_error_over_examples(name: str, outcomes_of: Build) -> None:
    low, high = parts.module(PACKAGE, name).RANGE
    outcomes = example(outcomes_of)
    measured = parts.load(PACKAGE, name)(outcomes)
    assert isinstance(measured, Measured)
    assert low <= measured.value <= high
    assert measured.standard_error is not None
    assert 0 < measured.standard_error < 1
    assert 0 < measured.n <= len(outcomes)


@every_metric
@settings(max_examples=10, deadline=None, derandomize=True)
@given(seed=st.integers(0, 10_000), tied=st.booleans())
def test_order_of_examples_is_irrelevant(name: str, outcomes_of: Build, seed: int, tied: bool) -> None:
    outcomes = example(outcomes_of, seed, tied=tied)
    order = np.random.default_rng(seed).permutation(len(outcomes))
    metric = parts.load(PACKAGE, name)
    assert close(metric(outcomes), metric(outcomes.rows(order)))


@every_metric
@settings(max_examples=10, deadline=None, derandomize=True)
@given(seed=st.integers(0, 10_000))
def test_names_of_classes_are_irrelevant(name: str, outcomes_of: Build, seed: int) -> None:
    outcomes = example(outcomes_of, seed)
    order = np.random.default_rng(seed).permutation(5)
    renamed = np.append(np.argsort(order), -1)
    groups = outcomes.groups if name in ("worst_group_accuracy", "accuracy_gap") else renamed[outcomes.groups]
    other = replace(outcomes, logits=outcomes.logits[:, order], labels=renamed[outcomes.labels], groups=groups)
    metric = parts.load(PACKAGE, name)
    assert close(metric(outcomes), metric(other))


@every_metric
@settings(max_examples=10, deadline=None, derandomize=True)
@given(seed=st.integers(0, 10_000), shift=st.integers(-64, 64))
def test_a_shift_of_an_examples_logits_is_irrelevant(name: str, outcomes_of: Build, seed: int, shift: int) -> None:
    outcomes = example(outcomes_of, seed)
    other = replace(outcomes, logits=outcomes.logits + np.float32(shift))
    metric = parts.load(PACKAGE, name)
    assert close(metric(outcomes), metric(other))


@every_metric
def test_influences_are_what_more_of_an_example_adds(name: str, outcomes_of: Build) -> None:
    """The change of the value when half of each group's outliers and inliers stand twice, to first order; and their
    summed squares are the variance over examples. Group 0 is the hardest by far, so that the minimum is smooth.
    """
    metric = parts.load(PACKAGE, name)
    outcomes = example(outcomes_of, n=3000)
    hard = (outcomes.groups == 0) & (outcomes.labels >= 0) & (outcomes.examples % 2 == 0)
    outcomes = replace(outcomes, labels=np.where(hard, (outcomes.labels + 1) % 5, outcomes.labels))
    stratum = outcomes.groups * 2 + (outcomes.labels < 0)
    measured = metric(outcomes)
    if measured.influence is None:
        assert name in WITHOUT_INFLUENCE
        return
    assert measured.influence.shape == (len(outcomes),)
    foreseen, seen = [], []
    rng = np.random.default_rng(1)
    for _ in range(40):
        order = rng.permutation(len(outcomes))
        twice = np.zeros(len(outcomes), dtype=bool)
        for each in range(8):
            twice[order[stratum[order] == each][::2]] = True
        weight = (1 + twice) / 1.5
        foreseen.append(((weight - 1) * measured.influence).sum())
        rows = np.concatenate([np.arange(len(outcomes)), np.flatnonzero(twice)])
        seen.append(metric(outcomes.rows(rows)).value - measured.value)
    assert np.corrcoef(foreseen, seen)[0, 1] > 0.9
    assert np.polyfit(seen, foreseen, 1)[0] == pytest.approx(1, abs=0.3)
    size = float(np.sqrt(measured.influence @ measured.influence))
    assert size == pytest.approx(measured.standard_error, rel=0.35)


@every_metric
def test_no_examples_have_no_value(name: str, outcomes_of: Build) -> None:
    with pytest.raises(Unmeasurable, match=r"^no (outliers|examples .*)$"):
        parts.load(PACKAGE, name)(outcomes_of(np.zeros((0, 5)), []))


@every_metric
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_logits_that_are_not_finite_have_no_value(name: str, bad: float, outcomes_of: Build) -> None:
    outcomes = example(outcomes_of)
    entering = (outcomes.labels >= 0) & (outcomes.groups >= 0) & (outcomes.groups != outcomes.labels)
    outcomes.logits[np.flatnonzero(entering)[0], 2] = bad
    with pytest.raises(Unmeasurable, match=r"^logits of 1 of \d+ examples are not finite$"):
        parts.load(PACKAGE, name)(outcomes)


@every_metric
def test_one_class_has_no_value(name: str, outcomes_of: Build) -> None:
    outcomes = outcomes_of(np.zeros((4, 1)), [0, 0, -1, -1], [1, 0, 1, 0])
    with pytest.raises(Unmeasurable, match=r"^fewer than two classes$"):
        parts.load(PACKAGE, name)(outcomes)


@every_metric
def test_huge_logits_do_not_overflow(name: str, outcomes_of: Build) -> None:
    outcomes = example(outcomes_of)
    huge = replace(outcomes, logits=np.float32(1e4) * outcomes.logits)
    measured = parts.load(PACKAGE, name)(huge)
    assert math.isfinite(measured.value)
    assert math.isfinite(measured.standard_error)


@every_metric
def test_outliers_enter_only_what_asks_for_them(name: str, outcomes_of: Build) -> None:
    outcomes = example(outcomes_of)
    metric = parts.load(PACKAGE, name)
    if "outliers" in parts.module(PACKAGE, name).NEEDS:
        with pytest.raises(Unmeasurable, match=r"^no outliers$"):
            metric(outcomes.inliers())
        with pytest.raises(Unmeasurable, match=r"^no examples of a known class$"):
            metric(outcomes.rows(outcomes.labels < 0))
    else:
        assert metric(outcomes) == metric(outcomes.inliers())


@every_metric
def test_outcomes_are_left_as_they_were(name: str, outcomes_of: Build) -> None:
    outcomes = example(outcomes_of)
    before = outcomes.logits.copy(), outcomes.labels.copy(), outcomes.groups.copy()
    parts.load(PACKAGE, name)(outcomes)
    assert np.array_equal(outcomes.logits, before[0])
    assert np.array_equal(outcomes.labels, before[1])
    assert np.array_equal(outcomes.groups, before[2])
