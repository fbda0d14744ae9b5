"""Temperature scaling: an independent fit, a planted temperature, what it leaves alone."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.optimize import root_scalar
from scipy.special import log_softmax, softmax

from pipelines.measuring import measure
from pipelines.metrics import accuracy, negative_log_likelihood, rms_calibration_error, thresholded_confidence_error
from pipelines.outcomes import Measured, Outcomes, Unmeasurable
from pipelines.scaling import temperature, with_temperature


def outcomes_of(seed: int, overconfident: float, n: int = 1500, name: str = "validation") -> Outcomes:
    """Labels drawn from the softmax of logits that are then multiplied."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 2, (n, 5))
    labels = (softmax(logits, axis=1).cumsum(axis=1) > rng.random((n, 1))).argmax(axis=1)
    none = np.full(n, -1)
    return Outcomes((overconfident * logits).astype(np.float32), labels, np.arange(n), none, 0 * none, (name,))


def likelihood(outcomes: Outcomes, t: float) -> float:
    rows = np.arange(len(outcomes))
    return float(-log_softmax(outcomes.logits.astype(np.float64) / t, axis=1)[rows, outcomes.labels].mean())


@pytest.mark.parametrize("overconfident", [0.2, 0.7, 1.0, 4.0])
def test_it_is_where_the_slope_of_the_likelihood_is_0(overconfident: float) -> None:
    """In 1 / T the likelihood is convex: the root of its derivative, the mean logit less that of the smoothed label, is
    the minimum.
    """
    validation = outcomes_of(1, overconfident)
    logits = validation.logits.astype(np.float64)
    share = 1 / (len(logits) + 2)
    of_label = (1 - share) * logits[np.arange(len(logits)), validation.labels].mean() + share * logits.mean()

    def slope(inverse: float) -> float:
        return float((softmax(inverse * logits, axis=1) * logits).sum(axis=1).mean() - of_label)

    wanted = 1 / root_scalar(slope, bracket=(0.05, 20), xtol=1e-12).root
    assert temperature(validation) == pytest.approx(wanted, rel=1e-5)
    assert temperature(validation) == pytest.approx(overconfident, rel=0.06)
    found = likelihood(validation, temperature(validation))
    assert all(found <= likelihood(validation, t) + 1e-5 for t in np.geomspace(0.05, 20, 200))


@pytest.mark.parametrize("factor", [1e-3, 0.3, 1e3])
def test_a_temperature_goes_with_the_logits(factor: float) -> None:
    validation = outcomes_of(1, 1.0)
    larger = replace(validation, logits=(factor * validation.logits).astype(np.float32))
    assert temperature(larger) == pytest.approx(factor * temperature(validation), rel=1e-4)


def test_a_model_without_an_error_has_a_temperature() -> None:
    """Without smoothing it would be 0, and the first error elsewhere infinitely wrong."""
    validation = outcomes_of(1, 1.0)
    right = np.where(np.eye(5, dtype=bool)[validation.labels], 9.0, validation.logits)
    never_wrong = replace(validation, logits=right.astype(np.float32))
    found = temperature(never_wrong)
    assert 0.1 < found < 3
    assert likelihood(never_wrong, found) < 0.01
    shifted = replace(never_wrong, logits=np.zeros_like(validation.logits))
    assert temperature(shifted) == 1


def test_calibration_is_better_after_and_accuracy_the_same() -> None:
    test = outcomes_of(2, 3.0, name="test")
    test = replace(test, parts=np.full(len(test), -1), part_names=(), reference=outcomes_of(3, 3.0))
    for metric, changes in ((accuracy, False), (negative_log_likelihood, True), (rms_calibration_error, True)):
        before, after = (measure(test, metric.metric(), scaled=scaled)["all"] for scaled in (False, True))
        assert isinstance(before, Measured)
        assert isinstance(after, Measured)
        assert (after.value < 0.8 * before.value) if changes else (after.value == before.value)


def test_the_reference_is_scaled_too() -> None:
    """A metric that compares with validation images sees both at the temperature: here they are the same images."""
    validation = outcomes_of(4, 3.0)
    test = replace(validation, parts=np.full(len(validation), -1), part_names=(), reference=validation)
    scaled = with_temperature(test)
    assert scaled.reference is not None
    assert np.array_equal(scaled.logits, scaled.reference.logits)
    assert np.array_equal(scaled.logits, test.logits / np.float32(temperature(validation)))
    found = measure(test, thresholded_confidence_error.metric(), scaled=True)["all"]
    assert isinstance(found, Measured)
    assert found.value == pytest.approx(0, abs=1e-12)


def test_without_validation_outcomes_there_is_none() -> None:
    test = outcomes_of(5, 1.0)
    assert str(measure(test, accuracy.metric(), scaled=True)["all"]) == "no validation outcomes to fit a temperature on"
    with pytest.raises(Unmeasurable, match=r"^no finite validation logits to fit a temperature on$"):
        temperature(test.rows(test.labels < 0))
