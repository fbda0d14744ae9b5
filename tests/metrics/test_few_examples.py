"""One or two examples of a kind: a value, and no standard error where one example cannot tell."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from pipelines import parts
from pipelines.metrics import (
    backoff_information,
    difference_of_confidences_error,
    expected_calibration_error,
    thresholded_confidence_error,
)
from pipelines.metrics._backoff import log_odds
from pipelines.metrics._bins import binned
from pipelines.outcomes import Outcomes

Build = Callable[..., Outcomes]
OF_TWO_SAMPLES = ("auroc", "aupr", "fpr_at_95_tpr", "error_detection_auroc", "aleatoric_auroc", "epistemic_auroc")


def two_samples(name: str, positive: int, negative: int, outcomes_of: Build) -> Outcomes:
    """So many examples that a metric is to flag, beside so many others; the doubtful ones are the positives but one."""
    n = positive + negative
    flagged = np.arange(n) < positive
    doubt = np.where(flagged, 1.0, 0.0) + np.arange(n) / 100
    doubt[0] = -0.5
    logits = np.stack([5 - doubt, np.zeros(n)], axis=1)
    if name == "error_detection_auroc":
        return outcomes_of(logits, flagged.astype(int))
    outlying = flagged & (name != "aleatoric_auroc")
    groups = np.where(flagged & (name == "aleatoric_auroc"), 1, -1)
    values = {"aleatoric": doubt, "mutual_information": doubt, "members": np.full(n, 2)}
    outcomes = outcomes_of(logits, np.where(outlying, -1, 0), groups)
    return replace(outcomes, values={key: value.astype(np.float32) for key, value in values.items()})


@pytest.mark.parametrize("name", OF_TWO_SAMPLES)
@pytest.mark.parametrize(("positive", "negative"), [(1, 1), (1, 2), (2, 1), (1, 5), (5, 1)])
def test_one_example_of_a_kind_has_a_value_and_no_error(
    name: str, positive: int, negative: int, outcomes_of: Build
) -> None:
    outcomes = two_samples(name, positive, negative, outcomes_of)
    found = parts.load("pipelines.metrics", name)(outcomes)
    assert found.standard_error is None
    wanted = (positive - 1) / positive  # the first scores lowest of all, the other positives above every negative
    if name == "aupr":
        ranks = [*range(1, positive), positive + negative]
        wanted = np.mean([(k + 1) / rank for k, rank in enumerate(ranks)])
    elif name == "fpr_at_95_tpr":
        wanted = 1.0
    assert found.value == pytest.approx(wanted)


@pytest.mark.parametrize("name", OF_TWO_SAMPLES)
def test_two_examples_of_each_kind_have_an_error(name: str, outcomes_of: Build) -> None:
    found = parts.load("pipelines.metrics", name)(two_samples(name, 2, 2, outcomes_of))
    assert found.standard_error is not None
    assert found.standard_error > 0 or name == "fpr_at_95_tpr"


def test_a_label_beyond_the_classes_is_refused_whatever_the_others_are(outcomes_of: Build) -> None:
    with pytest.raises(ValueError, match=r"^label 2 where the logits have 2 classes$"):
        parts.load("pipelines.metrics", "accuracy")(outcomes_of(np.eye(2)[[0, 0]], [0, 2]))


@pytest.mark.parametrize("module", [thresholded_confidence_error, difference_of_confidences_error])
@pytest.mark.parametrize(("shown", "validation"), [(1, 1), (1, 9), (9, 1)])
def test_a_prediction_from_or_of_one_image_has_no_error(
    module: object, shown: int, validation: int, of_confidence: Build
) -> None:
    here, there = (of_confidence(np.linspace(0.6, 0.9, n), np.arange(n) % 3 > 0) for n in (shown, validation))
    reference = replace(there, parts=np.zeros(validation, dtype=np.int64), part_names=("validation",))
    found = module.metric()(replace(here, reference=reference))  # type: ignore[attr-defined]
    assert found.standard_error is None
    assert 0 <= found.value <= 2


def test_a_super_class_of_all_classes_is_never_in_doubt_and_tells_nothing(outcomes_of: Build) -> None:
    assert log_odds(np.array([[3.0], [-2.0]]), np.array([0, 0])).tolist() == [np.inf, np.inf]
    sure = outcomes_of(5 * np.eye(2)[[0, 1, 0, 1]], [0, 1, 0, 0])  # one wrong of four
    reference = replace(sure, parts=np.zeros(4, dtype=np.int64), part_names=("validation",))
    found = backoff_information.metric(error=0.5)(replace(sure, reference=reference))
    assert found.value == 0.75
    assert backoff_information.metric()(replace(sure, reference=reference)).value == 0


def test_bins_of_two_have_an_error_and_bins_of_one_have_none(of_confidence: Build) -> None:
    outcomes = of_confidence([0.6, 0.7, 0.8, 0.9], [True, False, True, True])
    bins = binned(outcomes, per_bin=2, equal_width=None)
    own = np.array([[0.4, -0.7], [0.2, 0.1]])
    assert bins.gap == pytest.approx(own.mean(axis=1))
    assert bins.error == pytest.approx(own.std(axis=1, ddof=1) / np.sqrt(2))
    assert expected_calibration_error.metric(per_bin=2)(outcomes).standard_error is not None
    assert np.isnan(binned(outcomes, per_bin=1, equal_width=None).error).all()
    assert expected_calibration_error.metric(per_bin=1)(outcomes).standard_error is None
