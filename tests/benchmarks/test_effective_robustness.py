"""Accuracy beyond the line: planted lines and gains, and what has no logit."""

import numpy as np
import pytest
from scipy.special import expit, logit
from scipy.stats import linregress

from benchmarks.effective_robustness import effective_robustness, logit_fit

CLEAN = np.linspace(0.5, 0.9, 20)


def test_a_planted_line_and_gain_are_found_exactly() -> None:
    shifted = expit(0.8 * logit(CLEAN) - 0.5)
    shifted[[3, 7]] += [0.04, -0.02]
    baseline = ~np.isin(np.arange(20), [3, 7])
    points, fit = effective_robustness(CLEAN, shifted, baseline)
    assert (fit.slope, fit.intercept, fit.r, fit.n) == pytest.approx((0.8, -0.5, 1.0, 18))
    assert points[[3, 7]] == pytest.approx([4.0, -2.0])
    assert points[baseline] == pytest.approx(np.zeros(18), abs=1e-9)


def test_the_line_is_that_of_an_ordinary_regression() -> None:
    shifted = expit(1.2 * logit(CLEAN) - 1 + np.random.default_rng(0).normal(size=20))
    fit, other = logit_fit(CLEAN, shifted), linregress(logit(CLEAN), logit(shifted))
    assert (fit.slope, fit.intercept, fit.r) == pytest.approx((other.slope, other.intercept, other.rvalue))


def test_accuracy_of_nothing_has_no_logit_but_counts() -> None:
    shifted = expit(logit(CLEAN) - 1)
    shifted[0] = 0.0
    points, fit = effective_robustness(CLEAN, shifted, np.ones(20, dtype=bool))
    assert fit.n == 19
    assert points[0] == pytest.approx(-100 * expit(logit(0.5) - 1))


def test_missing_accuracies_are_left_out() -> None:
    clean, shifted = CLEAN.copy(), expit(logit(CLEAN) - 1)
    clean[0], clean[1], shifted[2] = np.nan, 1.0, np.nan
    points, fit = effective_robustness(clean, shifted, np.ones(20, dtype=bool))
    assert fit.n == 17
    assert np.isnan(points[:3]).all()
    assert np.isfinite(points[3:]).all()


def test_order_of_models_does_not_matter() -> None:
    shifted = expit(1.2 * logit(CLEAN) - 1 + np.random.default_rng(0).normal(size=20))
    order = np.random.default_rng(1).permutation(20)
    baseline = np.arange(20) % 2 == 0
    points, _ = effective_robustness(CLEAN, shifted, baseline)
    assert effective_robustness(CLEAN[order], shifted[order], baseline[order])[0] == pytest.approx(points[order])


def test_what_has_no_line_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^Accuracies are fractions in \[0, 1\], and one is 76.1$"):
        logit_fit(np.array([76.1, 70.0, 60.0]), np.array([0.5, 0.4, 0.3]))
    message = r"^A line needs 3 models of different clean accuracy, both accuracies in \(0, 1\)$"
    with pytest.raises(ValueError, match=message):
        logit_fit(CLEAN[:3], np.array([0.0, 0.1, 0.2]))
    with pytest.raises(ValueError, match=message):
        logit_fit(np.full(5, 0.5), np.linspace(0.1, 0.5, 5))
