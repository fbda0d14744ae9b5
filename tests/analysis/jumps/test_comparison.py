import numpy as np
import pytest
from scipy.optimize import curve_fit

from analysis.jumps.comparison import Comparison, p_value
from analysis.jumps.curve import curve_over_scale
from tests.analysis.jumps.conftest import Planted


def test_the_gain_is_that_of_an_independent_step_fit(planted: Planted) -> None:
    x, values = planted("step")
    comparison = Comparison(curve_over_scale(x, values))
    fit = comparison.fit("jump")[0]
    mean = np.array([values[x == k].mean() for k in range(12)])
    best = np.inf
    for cut in range(2, 11):
        design = np.column_stack([np.ones(12), np.arange(12), np.arange(12) >= cut])
        best = min(best, np.linalg.lstsq(design, mean, rcond=None)[1][0])
    assert fit.rss / 5 <= best + 1e-12
    left = mean - fit.at(comparison.curve.u)
    assert fit.rss == pytest.approx(5 * left @ left)


def test_the_smooth_fit_is_as_good_as_a_gradient_fit_of_a_wide_logistic(planted: Planted) -> None:
    x, values = planted("wide logistic", noise=0.02)
    comparison = Comparison(curve_over_scale(x, values))
    mean, u = comparison.curve.y[0], comparison.curve.u

    def free(u: np.ndarray, a: float, b: float, centre: float, width: float) -> np.ndarray:
        return a + b / (1 + np.exp(-(u - centre) * 4.394 / width))

    found, _ = curve_fit(free, u, mean, p0=(0, 1, 0.5, 0.6), bounds=([-9, -9, -1, 0.5], [9, 9, 2, 3]))
    assert comparison.fit("smooth")[0].rss <= 5 * np.sum((mean - free(u, *found)) ** 2) * 1.2


def test_replicates_have_the_noise_of_the_data(planted: Planted) -> None:
    x, values = planted("step", noise=0.1)
    comparison = Comparison(curve_over_scale(x, values))
    noise = comparison.noise(20_000, np.random.default_rng(0))
    assert noise.var() * 5 == pytest.approx(comparison.variance, rel=0.03)
    replicates = comparison.replicates(
        comparison.fit("jump")[0].at(comparison.curve.u)[None], 500, np.random.default_rng(1)
    )
    assert np.median(replicates.rss["jump"]) / comparison.variance == pytest.approx(12 - 4, rel=0.3)


@pytest.mark.parametrize("seeds", [1, 4])
def test_replicates_know_the_variance_over_examples_that_the_curve_knows(seeds: int) -> None:
    """As little as a replicate's best fit may leave over, its noise counts as no less."""
    x = np.arange(12.0)
    noise = np.random.default_rng(0).normal(0, 0.05, 12)
    comparison = Comparison(curve_over_scale(x, x / 11 + noise, np.full(12, 0.05)))
    assert comparison.curve.variance == pytest.approx(0.05**2)
    found = comparison.replicates(x[None] / 11, 200, np.random.default_rng(1), seeds=seeds).variance
    assert found.min() == pytest.approx(0.05**2 / seeds)
    assert np.median(found) < 1.5 * 0.05**2 / seeds * (comparison.variance / 0.05**2)


def test_noise_is_larger_where_seeds_spread_more() -> None:
    rng = np.random.default_rng(0)
    x = np.tile(np.arange(12.0), 8)
    comparison = Comparison(curve_over_scale(x, rng.normal(size=96) * np.where(x > 5, 1.0, 0.1)))
    assert comparison.scale[9:].min() > 2 * comparison.scale[:3].max()
    assert np.mean(comparison.scale**2) == pytest.approx(1)


def test_a_p_value_counts_the_observed_one_in() -> None:
    assert p_value(2.0, np.array([1.0, 2.0, 3.0])) == 0.75
    assert p_value(9.0, np.zeros(999)) == 0.001


def test_a_constant_curve_has_no_gain() -> None:
    comparison = Comparison(curve_over_scale(np.arange(10.0), np.full(10, 0.3)))
    assert comparison.observed.gain("smooth", "jump")[0] == 0
