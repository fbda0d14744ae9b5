"""Accuracy predicted without labels: definitions in loops, models for which a prediction is exact, simulated spread."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from scipy.special import softmax

from pipelines.metrics import (
    average_confidence_error,
    difference_of_confidences_error,
    member_disagreement_error,
    overconfidence,
    thresholded_confidence_error,
)
from pipelines.outcomes import Outcomes, Unmeasurable

Build = Callable[..., Outcomes]


def with_validation(shown: Outcomes, validation: Outcomes) -> Outcomes:
    reference = replace(validation, parts=np.zeros(len(validation), dtype=np.int64), part_names=("validation",))
    return replace(shown, reference=reference)


def a_shift(rng: np.random.Generator, of_confidence: Build, shown: int = 500, validation: int = 300) -> Outcomes:
    """Right as often as said on validation images, less often on the others."""
    here, there = rng.uniform(0.5, 0.99, shown), rng.uniform(0.6, 0.99, validation)
    return with_validation(
        of_confidence(here, rng.random(shown) < here - 0.15), of_confidence(there, rng.random(validation) < there)
    )


def confidence_and_right(outcomes: Outcomes) -> tuple[np.ndarray, np.ndarray]:
    logits = outcomes.logits.astype(np.float64)
    return softmax(logits, axis=1).max(axis=1), logits.argmax(axis=1) == outcomes.labels


def test_predictions_are_their_definitions(of_confidence: Build) -> None:
    outcomes = a_shift(np.random.default_rng(0), of_confidence)
    (here, right), (there, validated) = confidence_and_right(outcomes), confidence_and_right(outcomes.reference)  # type: ignore[arg-type]
    found = average_confidence_error.metric()(outcomes)
    assert found.value == pytest.approx(abs(here.mean() - right.mean()))
    assert found.value == pytest.approx(abs(overconfidence.metric()(outcomes).value))
    predicted = validated.mean() - (there.mean() - here.mean())
    assert difference_of_confidences_error.metric()(outcomes).value == pytest.approx(abs(predicted - right.mean()))
    for threshold in np.sort(there):
        if (there < threshold).mean() >= 1 - validated.mean():
            break
    predicted = (here >= threshold).mean()
    assert thresholded_confidence_error.metric()(outcomes).value == pytest.approx(abs(predicted - right.mean()))


def test_on_the_validation_images_themselves_two_predictions_are_exact(of_confidence: Build) -> None:
    validation = of_confidence(np.linspace(0.51, 0.99, 90), np.arange(90) % 3 > 0)
    outcomes = with_validation(validation, validation)
    assert difference_of_confidences_error.metric()(outcomes).value == pytest.approx(0, abs=1e-12)
    assert thresholded_confidence_error.metric()(outcomes).value == pytest.approx(0, abs=1e-12)
    assert average_confidence_error.metric()(outcomes).value == pytest.approx(0.75 - 2 / 3)


def test_a_model_whose_confidence_falls_with_its_accuracy_is_predicted(of_confidence: Build) -> None:
    """Overconfident by as much everywhere: the difference of confidences knows, the mean confidence does not."""
    rng = np.random.default_rng(1)
    there, here = rng.uniform(0.7, 0.99, 40_000), rng.uniform(0.6, 0.8, 40_000)
    shown = of_confidence(here, rng.random(40_000) < here - 0.2)
    outcomes = with_validation(shown, of_confidence(there, rng.random(40_000) < there - 0.2))
    assert difference_of_confidences_error.metric()(outcomes).value < 0.012
    assert average_confidence_error.metric()(outcomes).value == pytest.approx(0.2, abs=0.01)


def test_a_threshold_predicts_where_right_answers_are_the_confident_ones(of_confidence: Build) -> None:
    """Whatever is said below .8 is wrong and all above it is right, here and on validation images."""
    rng = np.random.default_rng(2)
    there, here = rng.uniform(0.5, 0.99, 5000), rng.uniform(0.7, 0.9, 5000)
    outcomes = with_validation(of_confidence(here, here > 0.8), of_confidence(there, there > 0.8))
    assert thresholded_confidence_error.metric()(outcomes).value < 0.01
    assert average_confidence_error.metric()(outcomes).value > 0.2


@pytest.mark.parametrize("right", [True, False])
def test_all_right_or_all_wrong_on_validation_images(right: bool, of_confidence: Build) -> None:
    validation = of_confidence(np.linspace(0.6, 0.9, 30), np.full(30, right))
    shown = of_confidence(np.linspace(0.6, 0.9, 40), np.arange(40) < 10)
    found = thresholded_confidence_error.metric()(with_validation(shown, validation))
    assert found.value == pytest.approx(0.75 if right else 0.25)


@pytest.mark.parametrize(
    "module", [average_confidence_error, difference_of_confidences_error, thresholded_confidence_error]
)
def test_standard_error_is_the_simulated_spread(module: object, of_confidence: Build) -> None:
    rng = np.random.default_rng(3)
    runs = [module.metric()(a_shift(rng, of_confidence)) for _ in range(400)]  # type: ignore[attr-defined]
    errors = np.array([run.standard_error for run in runs], dtype=np.float64)
    assert np.sqrt(np.mean(errors**2)) == pytest.approx(np.std([run.value for run in runs]), rel=0.15)


def test_members_that_disagree_as_often_as_they_err(outcomes_of: Build) -> None:
    """Forecasters who each draw their answer from the same law as the label disagree with each other as often as with
    it (Jiang et al. 2022).
    """
    rng = np.random.default_rng(4)
    p = rng.dirichlet(np.ones(4), 20_000)
    label, *answers = [(p.cumsum(axis=1) > rng.random((20_000, 1))).argmax(axis=1) for _ in range(4)]
    pairs = [(0, 1), (0, 2), (1, 2)]
    disagreement = np.mean([answers[a] != answers[b] for a, b in pairs], axis=0)
    outcomes = outcomes_of(np.eye(4)[answers[0]], label)
    values = {"members": np.full(20_000, 3, np.float32), "disagreement": disagreement.astype(np.float32)}
    metric = member_disagreement_error.metric()
    assert metric(replace(outcomes, values=values)).value < 0.012
    surer = metric(replace(outcomes, values={**values, "disagreement": np.zeros(20_000, np.float32)}))
    assert surer.value == pytest.approx((answers[0] != label).mean())
    with pytest.raises(Unmeasurable, match=r"^a model alone: it averages no members that could disagree$"):
        metric(replace(outcomes, values={**values, "members": np.ones(20_000, np.float32)}))
