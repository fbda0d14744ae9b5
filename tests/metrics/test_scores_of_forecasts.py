"""Accuracy, negative log likelihood, Brier score: closed forms and scikit-learn."""

import math
from collections.abc import Callable

import numpy as np
import pytest
from scipy.special import softmax
from sklearn.metrics import accuracy_score, log_loss

from pipelines.metrics import accuracy, brier_score, negative_log_likelihood
from pipelines.outcomes import Measured, Outcomes

Build = Callable[..., Outcomes]
LABELS = np.arange(12) % 4


def test_a_perfect_model(outcomes_of: Build) -> None:
    perfect = outcomes_of(1e4 * np.eye(4)[LABELS], LABELS)
    assert accuracy.metric()(perfect) == Measured(1.0, 0.0, 12)
    assert negative_log_likelihood.metric()(perfect) == Measured(0.0, 0.0, 12)
    assert brier_score.metric()(perfect) == Measured(0.0, 0.0, 12)


def test_a_uniform_forecast(outcomes_of: Build) -> None:
    uniform = outcomes_of(np.full((12, 4), 7.0), LABELS)
    assert negative_log_likelihood.metric()(uniform).value == pytest.approx(math.log(4))
    assert brier_score.metric()(uniform).value == pytest.approx(1 - 1 / 4)


def test_a_constant_answer_is_right_as_often_as_its_class_comes(outcomes_of: Build) -> None:
    constant = outcomes_of(np.tile([0, 0, 1e4, 0], (12, 1)), LABELS)
    measured = accuracy.metric()(constant)
    assert measured.value == 1 / 4
    assert measured.standard_error == pytest.approx(math.sqrt(0.25 * 0.75 / 11))
    assert brier_score.metric()(constant).value == pytest.approx(2 * 3 / 4)
    assert negative_log_likelihood.metric()(constant).value == pytest.approx(1e4 * 3 / 4)


def test_scikit_learn_agrees(outcomes_of: Build) -> None:
    rng = np.random.default_rng(0)
    labels, logits = rng.integers(0, 6, 300), rng.normal(0, 2, (300, 6)).astype(np.float32)
    outcomes, p = outcomes_of(logits, labels), softmax(logits.astype(np.float64), axis=1)
    assert accuracy.metric()(outcomes).value == pytest.approx(accuracy_score(labels, logits.argmax(1)))
    assert negative_log_likelihood.metric()(outcomes).value == pytest.approx(log_loss(labels, p))
    by_hand = [sum((p[i, c] - (labels[i] == c)) ** 2 for c in range(6)) for i in range(300)]
    measured = brier_score.metric()(outcomes)
    assert measured.value == pytest.approx(np.mean(by_hand))
    assert measured.standard_error == pytest.approx(np.std(by_hand, ddof=1) / math.sqrt(300))


def test_one_example_has_no_standard_error(outcomes_of: Build) -> None:
    assert accuracy.metric()(outcomes_of([[0.0, 1.0]], [1])) == Measured(1.0, None, 1)


def test_a_label_beyond_the_classes_is_an_error(outcomes_of: Build) -> None:
    with pytest.raises(ValueError, match=r"^label 2 where the logits have 2 classes$"):
        accuracy.metric()(outcomes_of([[0.0, 1.0]], [2]))
