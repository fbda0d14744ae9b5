"""Risk where only sure answers count, detecting errors, backing off: loops, closed forms, ties, simulated spread."""

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from pipelines.metrics import (
    area_under_generalised_risk_coverage,
    area_under_risk_coverage,
    backoff_information,
    error_detection_auroc,
    excess_area_under_risk_coverage,
    selective_risk,
)
from pipelines.metrics._backoff import Answers
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


def generalised_risk_in_loops(wrong: list[bool]) -> float:
    """The area by trapezoids under accepted and wrong against accepted, from nobody to all; most confident first."""
    n = len(wrong)
    curve = [sum(wrong[:k]) / n for k in range(n + 1)]
    return sum((curve[k] + curve[k + 1]) / (2 * n) for k in range(n))


def test_loops_over_coverages_agree_on_excess_and_generalised_risk(of_confidence: Build) -> None:
    rng = np.random.default_rng(1)
    confidence = rng.permutation(np.linspace(0.51, 0.99, 150))
    right = rng.random(150) < confidence
    outcomes = of_confidence(confidence, right)
    wrong = [not right[i] for i in np.argsort(-confidence)]
    excess = risk_in_loops(wrong) - risk_in_loops(sorted(wrong))
    assert excess_area_under_risk_coverage.metric()(outcomes).value == pytest.approx(excess)
    generalised = area_under_generalised_risk_coverage.metric()(outcomes).value
    assert generalised == pytest.approx(generalised_risk_in_loops(wrong))
    a, auroc = right.mean(), roc_auc_score(~right, -confidence)
    assert generalised == pytest.approx((1 - auroc) * a * (1 - a) + (1 - a) ** 2 / 2)


@pytest.mark.parametrize("coverage", [0.001, 0.07, 0.5, 0.7, 0.8, 1.0])
def test_selective_risk_is_that_of_the_most_confident(coverage: float, of_confidence: Build) -> None:
    rng = np.random.default_rng(2)
    confidence = rng.permutation(np.linspace(0.51, 0.99, 50))
    right = rng.random(50) < confidence
    answered = max(1, math.ceil(round(coverage * 50, 6)))
    wanted = np.mean([not right[i] for i in np.argsort(-confidence)[:answered]])
    outcomes = of_confidence(confidence, right)
    assert selective_risk.metric(coverage=coverage)(outcomes).value == pytest.approx(wanted)


def test_ties_of_confidence_are_the_mean_over_their_orders(of_confidence: Build) -> None:
    rng = np.random.default_rng(3)
    confidence = np.array([0.9, 0.9, 0.9, 0.8, 0.7, 0.7, 0.7, 0.7])
    right = np.array([False, True, True, True, False, False, True, False])
    outcomes = of_confidence(confidence, right)
    drawn = [[not right[i] for i in np.lexsort((rng.random(8), -confidence))] for _ in range(5000)]
    for metric, in_loops in (
        (excess_area_under_risk_coverage, lambda wrong: risk_in_loops(wrong) - risk_in_loops(sorted(wrong))),
        (area_under_generalised_risk_coverage, generalised_risk_in_loops),
        (selective_risk, lambda wrong: np.mean(wrong[:7])),
    ):
        wanted = np.mean([in_loops(wrong) for wrong in drawn])
        assert metric.metric()(outcomes).value == pytest.approx(wanted, abs=0.005)


def test_the_best_order_has_no_excess_whatever_the_accuracy(of_confidence: Build) -> None:
    for wrong in range(5):
        outcomes = of_confidence(np.linspace(0.6, 0.9, 4), [k >= wrong for k in range(4)])
        assert excess_area_under_risk_coverage.metric()(outcomes).value == pytest.approx(0, abs=1e-12)
        generalised = area_under_generalised_risk_coverage.metric()(outcomes).value
        assert generalised == pytest.approx((wrong / 4) ** 2 / 2)


@pytest.mark.parametrize("sharpness", [0.3, 1.0, 3.0])
@pytest.mark.parametrize(
    "module", [excess_area_under_risk_coverage, area_under_generalised_risk_coverage, selective_risk]
)
def test_errors_of_what_is_accepted_are_the_simulated_spread(
    module: object, sharpness: float, of_confidence: Build
) -> None:
    rng = np.random.default_rng(4)
    runs = []
    for _ in range(500):
        confidence = rng.uniform(0.5, 0.99, 600)
        right = rng.random(600) < 1 / (1 + np.exp(-sharpness * (8 * confidence - 5)))
        runs.append(module.metric()(of_confidence(confidence, right)))  # type: ignore[attr-defined]
    errors = np.array([run.standard_error for run in runs], dtype=np.float64)
    assert np.sqrt(np.mean(errors**2)) == pytest.approx(np.std([run.value for run in runs]), rel=0.15)


def backing_off(logits: np.ndarray, groups: list[list[int]], threshold: float) -> list[set[int]]:
    """The classes that each answer leaves open: one, those of its super-class, or all; probabilities in a loop."""
    answers = []
    for row in logits:
        p = np.exp(row - row.max()) / np.exp(row - row.max()).sum()
        top = int(p.argmax())
        group = next(each for each in groups if top in each)
        leaf, whole = p[top], sum(p[each] for each in group)
        answers.append({top} if leaf > threshold else set(group) if whole > threshold else set(range(len(row))))
    return answers


@pytest.mark.parametrize("groups", [None, [[0, 4, 2], [1, 3], [5]]])
def test_information_kept_is_that_of_a_search_over_thresholds(
    groups: list[list[int]] | None, outcomes_of: Build
) -> None:
    """The least threshold at which at most 10 % of validation images are answered wrongly, tried in order: only at a
    probability that was seen does anything change.
    """
    rng = np.random.default_rng(5)
    shown, validation = (forecasts(rng, n, outcomes_of) for n in (150, 120))
    chosen = groups or [[0, 1], [2, 3], [4, 5]]
    p = np.exp(validation.logits.astype(np.float64))
    p /= p.sum(axis=1, keepdims=True)
    seen = [p.max(axis=1), *(p[:, group].sum(axis=1) for group in chosen)]
    for threshold in np.sort(np.concatenate(seen)) + 1e-12:
        answers = backing_off(validation.logits.astype(np.float64), chosen, threshold)
        if np.mean([label not in answer for label, answer in zip(validation.labels, answers, strict=True)]) <= 0.1:
            break
    kept = [
        math.log(6 / len(answer)) / math.log(6) if label in answer else 0.0
        for label, answer in zip(
            shown.labels, backing_off(shown.logits.astype(np.float64), chosen, threshold), strict=True
        )
    ]
    metric = backoff_information.metric(error=0.1, groups=groups)
    assert metric(with_validation(shown, validation)).value == pytest.approx(np.mean(kept))


def forecasts(rng: np.random.Generator, n: int, outcomes_of: Build) -> Outcomes:
    """Six classes, labels as likely as the forecasts say."""
    logits = rng.normal(0, 2, (n, 6)).astype(np.float32)
    p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    return outcomes_of(logits, (p.cumsum(axis=1) > rng.random((n, 1))).argmax(axis=1))


def with_validation(shown: Outcomes, validation: Outcomes) -> Outcomes:
    reference = replace(validation, parts=np.zeros(len(validation), dtype=np.int64), part_names=("validation",))
    return replace(shown, reference=reference)


def test_a_model_that_is_always_right_keeps_all_and_one_that_never_is_nothing(outcomes_of: Build) -> None:
    labels = np.arange(60) % 6
    right = outcomes_of(9 * np.eye(6)[labels], labels)
    wrong = outcomes_of(9 * np.eye(6)[(labels + 2) % 6], labels)
    metric = backoff_information.metric()
    assert metric(with_validation(right, right)).value == 1
    assert metric(with_validation(wrong, wrong)).value == 0
    beside = outcomes_of(9 * np.eye(6)[labels ^ 1], labels)  # the other class of the right pair
    assert metric(with_validation(beside, beside)).value == pytest.approx(math.log(3) / math.log(6))


def test_super_classes_must_be_made_of_the_classes(outcomes_of: Build) -> None:
    with pytest.raises(ValueError, match=r"^'groups' has a class twice$"):
        backoff_information.metric(groups=[[0, 1], [1, 2]])
    outcomes = outcomes_of(np.eye(3), [0, 1, 2])
    with pytest.raises(Unmeasurable, match=r"^the super-classes are not made of the 3 classes$"):
        backoff_information.metric(groups=[[0, 1], [2, 3]])(with_validation(outcomes, outcomes))


def test_error_of_information_kept_is_the_simulated_spread(outcomes_of: Build) -> None:
    rng = np.random.default_rng(6)
    metric = backoff_information.metric(error=0.1)
    runs = [
        metric(with_validation(forecasts(rng, 500, outcomes_of), forecasts(rng, 150, outcomes_of))) for _ in range(300)
    ]
    errors = np.array([run.standard_error for run in runs], dtype=np.float64)
    assert np.sqrt(np.mean(errors**2)) == pytest.approx(np.std([run.value for run in runs]), rel=0.15)


def test_an_answer_must_be_above_the_threshold_not_at_it() -> None:
    """Two examples with log odds 1 and 2 of their classes, 2 and 3 of their super-classes, which hold half."""
    yes = np.array([True, True])
    answers = Answers(np.array([1.0, 2.0]), np.array([2.0, 3.0]), yes, yes, np.array([0.5, 0.5]))
    for threshold, kept in ((0.9, [1, 1]), (1, [0.5, 1]), (1.9, [0.5, 1]), (2, [0, 0.5]), (3, [0, 0])):
        assert answers.information(threshold).tolist() == kept
