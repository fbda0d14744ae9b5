import numpy as np
import pytest

from analysis.jumps.curve import CurveError, curve_over_scale, curves_over_steps


def test_means_and_pooled_variance_over_seeds() -> None:
    rng = np.random.default_rng(0)
    values = rng.normal(size=(3, 8))
    curve = curve_over_scale(np.tile(np.arange(8.0), 3), values.ravel())
    assert curve.y[0] == pytest.approx(values.mean(axis=0))
    assert curve.variance == pytest.approx(values.var(axis=0, ddof=1).mean())
    assert curve.degrees == 16
    assert curve.spread == pytest.approx(values.std(axis=0, ddof=1))
    assert curve.noise == "variance between seeds at the same x, pooled; at least what the best curve leaves over"


def test_the_order_of_runs_and_seeds_does_not_matter() -> None:
    rng = np.random.default_rng(0)
    x, values = np.tile(np.arange(8.0), 3), rng.normal(size=24)
    order = rng.permutation(24)
    one, other = curve_over_scale(x, values), curve_over_scale(x[order], values[order])
    assert one.y == pytest.approx(other.y)
    assert one.variance == pytest.approx(other.variance)


def test_what_is_assumed_where_each_x_has_one_value() -> None:
    x, values = np.arange(8.0), np.arange(8.0) ** 2
    assert curve_over_scale(x, values).variance is None
    assert curve_over_scale(x, values).noise == "what the best curve leaves over: one value per x"
    known = curve_over_scale(x, values, np.full(8, 0.1))
    assert known.variance == pytest.approx(0.01)
    assert known.noise == "variance over test examples; at least what the best curve leaves over"
    assert curve_over_scale(x, values, np.r_[np.nan, np.full(7, 0.1)]).variance is None


def test_too_few_positions_are_named() -> None:
    with pytest.raises(CurveError) as error:
        curve_over_scale(np.repeat(np.arange(7.0), 5), np.zeros(35))
    assert str(error.value) == "a curve needs at least 8 positions, this one has 7"


@pytest.mark.parametrize("rho", [0.0, 0.4, 0.8])
def test_the_correlation_of_neighbours_is_found_under_a_curve(rho: float) -> None:
    rng = np.random.default_rng(0)
    noise = rng.normal(size=(60, 30))
    for step in range(1, 30):
        noise[:, step] = rho * noise[:, step - 1] + np.sqrt(1 - rho**2) * noise[:, step]
    curve = curves_over_steps(np.arange(30.0), (np.arange(30) > 12) * 5 + noise)
    assert curve.rho == pytest.approx(rho, abs=0.08)


def test_whitening_makes_correlated_noise_white() -> None:
    curve = curves_over_steps(np.arange(25.0), np.random.default_rng(0).normal(size=(2, 25)).cumsum(axis=1))
    assert curve.rho > 0
    lags = np.abs(np.arange(25)[:, None] - np.arange(25))
    assert curve.whitening @ curve.rho**lags @ curve.whitening.T == pytest.approx(np.eye(25), abs=1e-9)


def test_short_training_curves_are_not_prewhitened() -> None:
    assert curves_over_steps(np.arange(10.0), np.arange(10.0)[None] ** 2).rho == 0
