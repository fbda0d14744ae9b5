"""Calibration errors: closed forms, a loop over bins, the bin that others skip, simulated spread."""

from collections.abc import Callable

import numpy as np
import pytest

from pipelines.metrics import expected_calibration_error, overconfidence, rms_calibration_error
from pipelines.outcomes import Outcomes, Unmeasurable

Build = Callable[..., Outcomes]


def test_only_the_most_confident_bin_is_wrong(of_confidence: Build) -> None:
    """Nine bins of 100 whose accuracy is their confidence, and a tenth that claims .99 and is right .59 of the time."""
    confidence = np.repeat([*np.arange(0.55, 1.0, 0.05), 0.99], 100)
    right = np.concatenate(
        [np.arange(100) < round(100 * c) for c in np.arange(0.55, 1.0, 0.05)] + [np.arange(100) < 59]
    )
    outcomes = of_confidence(confidence, right)
    assert rms_calibration_error.metric()(outcomes).value == pytest.approx(0.4 / np.sqrt(10), abs=1e-6)
    assert expected_calibration_error.metric()(outcomes).value == pytest.approx(0.04, abs=1e-6)
    assert overconfidence.metric()(outcomes).value == pytest.approx(0.04, abs=1e-6)


@pytest.mark.parametrize(("n", "per_bin"), [(500, 100), (537, 100), (60, 100), (305, 25), (41, 1)])
def test_a_loop_over_bins_agrees(n: int, per_bin: int, of_confidence: Build) -> None:
    rng = np.random.default_rng(n)
    confidence = rng.uniform(0.5, 1, n)
    right = rng.random(n) < confidence**2
    order = np.argsort(confidence)
    count = max(1, n // per_bin)
    squares = absolutes = 0.0
    for b in range(count):
        chosen = order[b * n // count : (b + 1) * n // count]
        gap = right[chosen].mean() - confidence[chosen].mean()
        squares += len(chosen) / n * gap**2
        absolutes += len(chosen) / n * abs(gap)
    outcomes = of_confidence(confidence, right)
    assert rms_calibration_error.metric(per_bin=per_bin)(outcomes).value == pytest.approx(np.sqrt(squares), abs=1e-6)
    assert expected_calibration_error.metric(per_bin=per_bin)(outcomes).value == pytest.approx(absolutes, abs=1e-6)


def test_overconfidence_has_a_sign(of_confidence: Build) -> None:
    right = np.arange(100) < 75
    assert overconfidence.metric()(of_confidence(np.full(100, 0.95), right)).value == pytest.approx(0.2)
    assert overconfidence.metric()(of_confidence(np.full(100, 0.55), right)).value == pytest.approx(-0.2)


def test_a_constant_confidence_is_one_gap_however_many_bins(of_confidence: Build) -> None:
    outcomes = of_confidence(np.full(1000, 0.9), np.arange(1000) < 700)
    for metric in (rms_calibration_error.metric(), expected_calibration_error.metric()):
        measured = metric(outcomes)
        assert measured.value == pytest.approx(0.2)
        assert measured.standard_error == pytest.approx(np.sqrt(0.7 * 0.3 / 1000), rel=0.05)


def test_bins_of_one_example_have_no_standard_error(of_confidence: Build) -> None:
    outcomes = of_confidence([0.6, 0.8, 0.9], [True, False, True])
    assert rms_calibration_error.metric(per_bin=1)(outcomes).standard_error is None
    assert expected_calibration_error.metric(per_bin=1)(outcomes).standard_error is None


@pytest.mark.parametrize("excess", [0.0, 0.03, 0.1, 0.25])
@pytest.mark.parametrize("module", [rms_calibration_error, expected_calibration_error, overconfidence])
def test_standard_error_is_the_simulated_spread(module: object, excess: float, of_confidence: Build) -> None:
    rng = np.random.default_rng(1)
    metric = module.metric()  # type: ignore[attr-defined]
    measured = []
    for _ in range(600):
        confidence = rng.uniform(0.5, 0.99, 2000)
        measured.append(metric(of_confidence(confidence, rng.random(2000) < confidence - excess)))
    spread = np.std([one.value for one in measured])
    assert np.mean([one.standard_error for one in measured]) == pytest.approx(spread, rel=0.15)


def test_the_debiased_error_is_its_formula_in_loops(of_confidence: Build) -> None:
    rng = np.random.default_rng(3)
    confidence = rng.uniform(0.5, 1, 537)
    right = rng.random(537) < confidence - 0.2
    order, total = np.argsort(confidence), 0.0
    for b in range(5):
        chosen = order[b * 537 // 5 : (b + 1) * 537 // 5]
        accuracy = right[chosen].mean()
        gap = accuracy - confidence[chosen].mean()
        total += len(chosen) / 537 * (gap**2 - accuracy * (1 - accuracy) / (len(chosen) - 1))
    measured = rms_calibration_error.metric(debiased=True)(of_confidence(confidence, right))
    assert measured.value == pytest.approx(np.sqrt(total), abs=1e-6)


@pytest.mark.parametrize("excess", [0.0, 0.03, 0.1, 0.25])
def test_the_debiased_error_is_right_on_average_and_spreads_as_it_says(excess: float, of_confidence: Build) -> None:
    """The squares average to the true one, and are 0 in about half of the samples of a calibrated model."""
    rng = np.random.default_rng(2)
    metric, biased = rms_calibration_error.metric(debiased=True), rms_calibration_error.metric()
    measured, with_chance = [], []
    for _ in range(300):
        confidence = rng.uniform(0.5, 0.99, 2000)
        outcomes = of_confidence(confidence, rng.random(2000) < confidence - excess)
        measured.append(metric(outcomes))
        with_chance.append(biased(outcomes).value)
    values = np.array([one.value for one in measured])
    errors = np.array([one.standard_error for one in measured], dtype=np.float64)
    assert np.sqrt(np.mean(errors**2)) == pytest.approx(values.std(), rel=0.2)
    assert abs(np.sqrt((values**2).mean()) - excess) < abs(np.sqrt(np.mean(np.square(with_chance))) - excess)
    if excess == 0:
        assert 0.3 < (values == 0).mean() < 0.7
    elif excess > 0.05:
        assert (values**2).mean() == pytest.approx(excess**2, rel=0.02)


def test_a_bin_of_one_example_has_no_variance_to_take_off(of_confidence: Build) -> None:
    outcomes = of_confidence([0.6, 0.8, 0.9], [True, False, True])
    with pytest.raises(Unmeasurable, match=r"^a bin of one example has no variance to take off$"):
        rms_calibration_error.metric(per_bin=1, debiased=True)(outcomes)
