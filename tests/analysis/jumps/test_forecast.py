from collections.abc import Callable

import numpy as np
import pytest

from analysis.jumps.curve import CurveError, curve_over_scale, curves_over_steps
from analysis.jumps.forecast import forecast

X = np.tile(np.arange(12.0), 3)


SMOOTH: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "line": lambda u: u,
    "saturating": lambda u: 1 - np.exp(-3 * u),
    "logistic": lambda u: 1 / (1 + np.exp(-(u - 0.5) * 8)),
}


@pytest.mark.parametrize("shape", SMOOTH)
def test_smooth_curves_are_covered(shape: str) -> None:
    coverage, surprised = [], 0
    for seed in range(25):
        rng = np.random.default_rng(seed)
        curve = curve_over_scale(X, SMOOTH[shape](X / 11) + rng.normal(0, 0.05, len(X)))
        result = forecast(curve, 8.0, draws=400, rng=rng)
        coverage.append(result.coverage)
        surprised += result.p < 0.01
    assert np.mean(coverage) > 0.8
    assert surprised <= 2


def test_a_jump_beyond_the_horizon_surprises() -> None:
    rng = np.random.default_rng(0)
    curve = curve_over_scale(X, X / 11 + (X > 9.5) + rng.normal(0, 0.05, len(X)))
    result = forecast(curve, 8.0, draws=999, rng=rng)
    assert result.x.tolist() == [9, 10, 11]
    assert result.p < 0.01
    assert result.surprise[0] == pytest.approx(0, abs=3)
    assert (result.surprise[1:] > 5).all()
    assert result.coverage <= 1 / 3


def test_a_line_without_noise_goes_on() -> None:
    result = forecast(
        curve_over_scale(np.arange(12.0), 2 * np.arange(12.0) + 1), 7.0, draws=200, rng=np.random.default_rng(0)
    )
    assert result.predicted == pytest.approx(2 * np.arange(8.0, 12) + 1, rel=1e-3)


def test_what_cannot_be_forecast_is_said() -> None:
    rng = np.random.default_rng(0)
    curve = curve_over_scale(X, X)
    messages = []
    cases = [(curve, 4.0), (curve, 11.0), (curves_over_steps(np.arange(10.0), np.zeros((2, 10))), 8.0)]
    for given, horizon in cases:
        with pytest.raises(CurveError) as error:
            forecast(given, horizon, draws=10, rng=rng)
        messages.append(str(error.value))
    assert messages == [
        "a forecast needs at least 6 positions up to the horizon, there are 5",
        "a forecast needs a position beyond the horizon, there is none",
        "a forecast is of one curve with independent noise, not of curves over steps",
    ]
