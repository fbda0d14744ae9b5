"""What passes every barrier: counted by hand and in loops, the false alarms, the spread of value and threshold."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from scipy.special import softmax
from scipy.stats import norm

from pipelines.metrics import accuracy, residual_risk
from pipelines.outcomes import Outcomes

Build = Callable[..., Outcomes]


def with_validation(shown: Outcomes, validation: Outcomes) -> Outcomes:
    reference = replace(
        validation, parts=np.ones(len(validation), dtype=np.int64), part_names=("training", "validation")
    )
    return replace(shown, reference=reference)


def test_by_hand(of_confidence: Build) -> None:
    """Twenty validation images said with .62 to .81: with one in ten flagged, .62 and .63 are, .64 is not. Of six
    inputs two are wrong and below, one wrong and above, one right and below: one in six passes.
    """
    validation = of_confidence(np.arange(62, 82) / 100, np.ones(20, bool))
    shown = of_confidence([0.6, 0.63, 0.9, 0.61, 0.7, 0.8], [False, False, False, True, True, True])
    outcomes = with_validation(shown, validation)
    assert residual_risk.metric(false_alarms=0.1)(outcomes).value == pytest.approx(1 / 6)
    assert residual_risk.metric(false_alarms=0.0)(outcomes).value == pytest.approx(2 / 6)


@pytest.mark.parametrize("false_alarms", [0.0, 0.01, 0.05, 0.2, 0.5])
def test_a_loop_agrees_and_no_more_than_the_false_alarms_are_raised(false_alarms: float, outcomes_of: Build) -> None:
    rng = np.random.default_rng(0)
    validation, shown = (outcomes_of(rng.normal(0, 2, (n, 5)), rng.integers(0, 5, n)) for n in (137, 300))
    top = [softmax(each.logits.astype(np.float64), axis=1).max(axis=1) for each in (validation, shown)]
    allowed = [t for t in top[0] if np.mean(top[0] < t) <= false_alarms]
    threshold = max(allowed)
    assert np.mean(top[0] < threshold) <= false_alarms
    wrong = shown.logits.argmax(axis=1) != shown.labels
    passing = sum(w and t >= threshold for w, t in zip(wrong, top[1], strict=True))
    found = residual_risk.metric(false_alarms=false_alarms)(with_validation(shown, validation))
    assert found.value == pytest.approx(passing / 300)
    assert found.n == 300


def test_without_a_monitor_it_is_the_error_rate(of_confidence: Build) -> None:
    """A monitor that may raise no false alarm, on inputs more confident than any validation image, is silent."""
    shown = of_confidence(np.linspace(0.9, 0.99, 50), np.arange(50) < 30)
    outcomes = with_validation(shown, of_confidence(np.linspace(0.5, 0.8, 20), np.ones(20, bool)))
    found = residual_risk.metric(false_alarms=0.0)(outcomes)
    assert found.value == pytest.approx(1 - accuracy.metric()(outcomes).value)


def test_outliers_are_the_hazard_where_there_are_any(of_scores: Build) -> None:
    """Scores of two normal laws: with 5 % of inliers flagged, what is not flagged of the outliers has a closed form."""
    rng = np.random.default_rng(1)
    shown = of_scores(rng.normal(2, 1, 20_000), rng.normal(0, 1, 5000))
    outcomes = with_validation(shown, of_scores([], rng.normal(0, 1, 20_000)))
    found = residual_risk.metric(score="max_logit")(outcomes)
    assert found.value == pytest.approx(norm.cdf(norm.ppf(0.95) - 2), abs=0.015)
    assert found.n == 20_000
    assert found.influence is not None
    assert not found.influence[20_000:].any()


def test_errors_that_the_monitor_sees_are_no_risk_and_others_are_all_of_it(of_confidence: Build) -> None:
    """The same accuracy and the same confidences: what counts is whether it is the unsure answers that are wrong."""
    confidence = np.repeat([0.55, 0.95], 50)
    validation = of_confidence(np.linspace(0.6, 0.99, 100), np.ones(100, bool))
    unsure, sure = (
        with_validation(of_confidence(confidence, right), validation) for right in (confidence > 0.7, confidence < 0.7)
    )
    assert residual_risk.metric()(unsure).value == 0
    assert residual_risk.metric()(sure).value == 0.5


@pytest.mark.parametrize(("shown", "validation"), [(600, 100), (300, 1000)])
def test_standard_error_is_the_simulated_spread_of_examples_and_threshold(
    shown: int, validation: int, of_scores: Build
) -> None:
    rng = np.random.default_rng(2)
    metric = residual_risk.metric(score="max_logit")
    runs = []
    for _ in range(500):
        outcomes = of_scores(rng.normal(1.5, 1, shown), [0.0])
        runs.append(metric(with_validation(outcomes, of_scores([], rng.normal(0, 1, validation)))))
    errors = np.array([run.standard_error for run in runs], dtype=np.float64)
    assert np.sqrt(np.mean(errors**2)) == pytest.approx(np.std([run.value for run in runs]), rel=0.15)
