import numpy as np
import pytest
from scipy import stats

from analysis.jumps.comparison import Comparison, Fit
from analysis.jumps.curve import curve_over_scale
from analysis.jumps.families import LINE, LOGISTIC, STEP, Grid
from analysis.jumps.shape import jump, sharpness, transition
from tests.analysis.jumps.conftest import Judging, Planted


def _fit(kind: int, width: float, coefficients: tuple[float, float, float]) -> Fit:
    return Fit(Grid(np.array([kind]), np.array([0.5]), np.array([width])), np.array(coefficients), 0.0)


def test_sharpness_in_closed_form() -> None:
    assert sharpness(_fit(LINE, 0, (1, 2, 0))) == pytest.approx(0.2)
    assert sharpness(_fit(STEP, 0, (0, 1, 0))) == pytest.approx(1)
    assert sharpness(_fit(STEP, 0, (0, 1, 1))) == pytest.approx(1.2 / 2)
    assert sharpness(_fit(STEP, 0, (5, -1, 0))) == pytest.approx(1)
    assert sharpness(_fit(LOGISTIC, 0.2, (0, 1, 0))) == pytest.approx(0.8, abs=1e-3)
    assert sharpness(_fit(LINE, 0, (3, 0, 0))) == 0


def test_a_planted_step_is_found_where_and_as_large_as_it_is(planted: Planted, judged: Judging) -> None:
    jump = judged(*planted("step")).jump
    assert (jump.change_low, jump.change_high) == pytest.approx((5, 6))
    assert jump.amplitude == pytest.approx(1, abs=0.1)
    assert jump.amplitude_low < 1 < jump.amplitude_high
    assert jump.sharpness > 0.9


def test_intervals_cover_the_planted_step(judged: Judging) -> None:
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
def test_the_transition_of_a_logistic_is_its_own(planted: Planted, shape: str, width: float) -> None:
    found = transition(Comparison(curve_over_scale(*planted(shape, points=21, noise=0.001))))
    assert found == pytest.approx((0.5, width), abs=0.01)


def test_the_interval_of_the_change_point_covers_it_under_noise_on_both_sides() -> None:
    below, above = [], []
    for seed in range(40):
        rng = np.random.default_rng(seed)
        x = np.arange(40.0)
        comparison = Comparison(curve_over_scale(x, 0.5 * (x > 18.5) + 0.3 * x / 39 + rng.normal(0, 0.35, 40)))
        found = jump(comparison, 99, rng)
        below.append(found.change_low <= 18.5)
        above.append(found.change_high >= 18.5)
    assert np.mean(below) >= 0.95
    assert np.mean(above) >= 0.95
    assert np.mean(np.logical_and(below, above)) >= 0.85


def test_the_amplitudes_interval_is_normal_at_90_percent(planted: Planted, judged: Judging) -> None:
    found = judged(*planted("step")).jump
    ends = stats.norm.interval(0.9, found.amplitude, found.amplitude_error)
    assert (found.amplitude_low, found.amplitude_high) == pytest.approx(ends, rel=1e-3)
    # A step over six positions of five runs each side: the difference of two means of 30 runs with an SD of .05
    assert found.amplitude_error == pytest.approx(0.05 * np.sqrt(2 / 30), rel=0.3)
