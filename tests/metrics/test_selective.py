"""Area under the risk-coverage curve and AUROC of error detection: loops, closed forms, ties, simulated spread."""

from collections.abc import Callable

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from pipelines.metrics import area_under_risk_coverage, error_detection_auroc
from pipelines.metrics.area_under_risk_coverage import mean_selective_risk
from pipelines.outcomes import Measured, Outcomes, Unmeasurable

Build = Callable[..., Outcomes]


def risk_in_loops(wrong: list[bool]) -> float:
    """Wrong answers, the most confident first."""
    return float(np.mean([sum(wrong[:k]) / k for k in range(1, len(wrong) + 1)]))


def test_a_loop_over_coverages_agrees(of_confidence: Build) -> None:
    rng = np.random.default_rng(0)
    confidence = rng.permutation(np.linspace(0.51, 0.99, 200))
    right = rng.random(200) < confidence
    wanted = risk_in_loops([not right[i] for i in np.argsort(-confidence)])
    assert area_under_risk_coverage.metric()(of_confidence(confidence, right)).value == pytest.approx(wanted)


def test_the_best_and_the_worst_order(of_confidence: Build) -> None:
    confidence = np.linspace(0.6, 0.9, 4)
    best = area_under_risk_coverage.metric()(of_confidence(confidence, [False, True, True, True]))
    worst = area_under_risk_coverage.metric()(of_confidence(confidence, [True, True, True, False]))
    assert best.value == pytest.approx(1 / 16)
    assert worst.value == pytest.approx((1 + 1 / 2 + 1 / 3 + 1 / 4) / 4)


def test_ties_are_the_mean_over_their_orders() -> None:
    rng = np.random.default_rng(0)
    score = np.array([0.0, 0.0, 0.0, 1.0, 2.0, 2.0, 2.0, 2.0])
    wrong = np.array([True, False, False, True, True, False, True, False])
    drawn = []
    for _ in range(20_000):
        order = np.lexsort((rng.random(8), score))
        drawn.append((wrong[order].cumsum() / np.arange(1, 9)).mean())
    assert mean_selective_risk(wrong, score).value == pytest.approx(np.mean(drawn), abs=0.003)


def test_a_constant_confidence_has_the_error_rate(of_confidence: Build) -> None:
    outcomes = of_confidence(np.full(200, 0.7), np.arange(200) < 150)
    measured = area_under_risk_coverage.metric()(outcomes)
    assert measured.value == pytest.approx(0.25)
    assert measured.standard_error == pytest.approx(np.sqrt(0.25 * 0.75 / 200), rel=0.01)
    assert error_detection_auroc.metric()(outcomes).value == 0.5


@pytest.mark.parametrize("sharpness", [0.3, 1.0, 3.0])
@pytest.mark.parametrize("tied", [False, True])
def test_standard_error_is_the_simulated_spread(sharpness: float, tied: bool) -> None:
    rng = np.random.default_rng(4)
    runs = []
    for _ in range(1000):
        score = rng.standard_normal(600)
        wrong = rng.random(600) < 1 / (1 + np.exp(1.5 - sharpness * score))
        runs.append(mean_selective_risk(wrong, np.round(score) if tied else score))
    errors = np.array([run.standard_error for run in runs], dtype=np.float64)
    assert np.sqrt(np.mean(errors**2)) == pytest.approx(np.std([run.value for run in runs]), rel=0.15)


def test_errors_are_detected_as_scikit_learn_counts(of_confidence: Build) -> None:
    rng = np.random.default_rng(0)
    confidence = np.round(rng.uniform(0.51, 0.99, 300), 2)
    right = rng.random(300) < confidence
    measured = error_detection_auroc.metric()(of_confidence(confidence, right))
    assert measured.value == pytest.approx(roc_auc_score(~right, 1 - confidence))
    assert measured.n == 300


def test_errors_among_saturated_confidences_are_ranked_by_their_logits(outcomes_of: Build) -> None:
    margin = np.array([100.0, 200.0, 300.0, 400.0])
    outcomes = outcomes_of(np.stack([margin, np.zeros(4)], axis=1), [1, 1, 0, 0])
    assert error_detection_auroc.metric()(outcomes) == Measured(1.0, 0.0, 4)


def test_errors_and_right_answers_are_both_needed(of_confidence: Build) -> None:
    with pytest.raises(Unmeasurable, match=r"^all 2 answers are right$"):
        error_detection_auroc.metric()(of_confidence([0.6, 0.7], [True, True]))
    with pytest.raises(Unmeasurable, match=r"^all 2 answers are wrong$"):
        error_detection_auroc.metric()(of_confidence([0.6, 0.7], [False, False]))
