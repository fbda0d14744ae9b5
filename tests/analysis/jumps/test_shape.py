from collections.abc import Callable

import numpy as np
import pytest

from analysis.jumps.comparison import Comparison, Fit
from analysis.jumps.curve import curve_over_scale
from analysis.jumps.families import LINE, LOGISTIC, STEP, Grid
from analysis.jumps.shape import sharpness, transition


def _fit(kind: int, width: float, coefficients: tuple[float, float, float]) -> Fit:
    return Fit(Grid(np.array([kind]), np.array([0.5]), np.array([width])), np.array(coefficients), 0.0)


def test_sharpness_in_closed_form() -> None:
    assert sharpness(_fit(LINE, 0, (1, 2, 0))) == pytest.approx(0.2)
    assert sharpness(_fit(STEP, 0, (0, 1, 0))) == pytest.approx(1)
    assert sharpness(_fit(STEP, 0, (0, 1, 1))) == pytest.approx(1.2 / 2)
    assert sharpness(_fit(STEP, 0, (5, -1, 0))) == pytest.approx(1)
    assert sharpness(_fit(LOGISTIC, 0.2, (0, 1, 0))) == pytest.approx(0.8, abs=1e-3)
    assert sharpness(_fit(LINE, 0, (3, 0, 0))) == 0


def test_a_planted_step_is_found_where_and_as_large_as_it_is(planted: Callable, judged: Callable) -> None:
    jump = judged(*planted("step")).jump
    assert (jump.change_low, jump.change_high) == pytest.approx((5, 6))
    assert jump.amplitude == pytest.approx(1, abs=0.1)
    assert jump.amplitude_low < 1 < jump.amplitude_high
    assert jump.sharpness > 0.9


def test_intervals_cover_the_planted_step(judged: Callable) -> None:
    covered = amplitudes = 0
    for seed in range(30):
        rng = np.random.default_rng(seed)
        x = np.tile(np.arange(12.0), 4)
        jump = judged(x, 0.5 * (x > 6.5) + 0.3 * x / 11 + rng.normal(0, 0.1, 48), draws=99, seed=seed).jump
        covered += jump.change_low <= 6.5 <= jump.change_high
        amplitudes += jump.amplitude_low <= 0.5 <= jump.amplitude_high
    assert covered >= 24
    assert amplitudes >= 18


@pytest.mark.parametrize(
    ("shape", "width"), [("wide logistic", 0.5), ("steep logistic", 0.3), ("narrow logistic", 0.1)]
)
def test_the_transition_of_a_logistic_is_its_own(planted: Callable, shape: str, width: float) -> None:
    found = transition(Comparison(curve_over_scale(*planted(shape, points=21, noise=0.001))))
    assert found == pytest.approx((0.5, width), abs=0.01)
