import numpy as np
import pytest
from scipy.stats import binom

from analysis.jumps.comparison import Comparison
from analysis.jumps.curve import curve_over_scale, curves_over_steps
from analysis.jumps.decision import judge, runs_needed
from tests.analysis.jumps.conftest import Judging, Planted


def _label_rate(planted: Planted, judged: Judging, shape: str, curves: int, **cell: float) -> int:
    found = 0
    for seed in range(curves):
        evidence = judged(*planted(shape, seed=seed, **cell), draws=99, seed=seed)
        found += evidence.abrupt(evidence.p)
    return found


@pytest.mark.parametrize("shape", ["linear", "saturating", "convex", "wide logistic"])
@pytest.mark.parametrize("cell", [{"points": 8, "seeds": 3, "noise": 0.1}, {"points": 12, "seeds": 5, "noise": 0.1}])
def test_smooth_curves_are_rarely_jumps(planted: Planted, judged: Judging, shape: str, cell: dict[str, float]) -> None:
    assert _label_rate(planted, judged, shape, 40, **cell) <= binom.ppf(0.999, 40, 0.05)


@pytest.mark.parametrize("shape", ["step", "narrow logistic"])
@pytest.mark.parametrize("cell", [{"points": 8, "seeds": 3, "noise": 0.1}, {"points": 12, "seeds": 5, "noise": 0.2}])
def test_full_steps_are_jumps(planted: Planted, judged: Judging, shape: str, cell: dict[str, float]) -> None:
    assert _label_rate(planted, judged, shape, 20, **cell) >= binom.ppf(0.001, 20, 0.9)


@pytest.mark.parametrize("shape", ["step", "wide logistic", "kink"])
def test_direction_order_and_units_do_not_matter(planted: Planted, judged: Judging, shape: str) -> None:
    x, values = planted(shape, noise=0.02)
    one = judged(x, values)
    order = np.random.default_rng(3).permutation(len(x))
    changed = {
        "falling": judged(x, -values),
        "mirrored": judged(-x, values),
        "affine": judged(3 * x + 7, 100 * values - 4, smallest=20),
        "order of runs": judged(x[order], values[order]),
    }
    for name, other in changed.items():
        assert other.gain == pytest.approx(one.gain, rel=1e-6, abs=1e-6), name
        assert other.gain_slower == pytest.approx(one.gain_slower, rel=1e-6, abs=1e-6), name
        assert other.p == pytest.approx(one.p, abs=0.12), name
        assert other.abrupt(other.p) == one.abrupt(one.p), name
    assert changed["falling"].jump.change_point == pytest.approx(one.jump.change_point)
    assert changed["affine"].jump.change_point == pytest.approx(3 * one.jump.change_point + 7)
    assert changed["affine"].jump.amplitude == pytest.approx(100 * one.jump.amplitude)


def test_a_transition_between_the_families_is_no_jump(planted: Planted, judged: Judging) -> None:
    evidence = judged(*planted("between", points=20, noise=0.02))
    assert not evidence.abrupt(evidence.p)
    assert evidence.p_acceleration < 0.05


def test_what_is_steep_enough_for_a_jump_over_scale_is_not_over_steps(planted: Planted, judged: Judging) -> None:
    x, values = planted("steep logistic", points=20, seeds=3, noise=0.02)
    over_scale = judged(x, values)
    assert over_scale.abrupt(over_scale.p)
    steps = Comparison(curves_over_steps(x[:20], values.reshape(3, 20)))
    over_steps = judge(steps, 0.2, draws=199, rng=np.random.default_rng(1))
    assert over_steps.p_acceleration < 0.05
    assert not over_steps.abrupt(over_steps.p)


def test_a_kink_is_an_acceleration(planted: Planted, judged: Judging) -> None:
    evidence = judged(*planted("kink", points=20, noise=0.02))
    assert not evidence.abrupt(evidence.p)
    assert evidence.p_acceleration < 0.05


def test_power_rises_with_less_noise_and_with_runs(planted: Planted, judged: Judging) -> None:
    noisy, quiet = (judged(*planted("linear", noise=noise)) for noise in (0.3, 0.02))
    assert noisy.power < 0.5
    assert quiet.power > 0.95
    comparison = Comparison(curve_over_scale(*planted("linear", noise=0.3)))
    needed = runs_needed(comparison, 0.3, draws=199, rng=np.random.default_rng(0))
    assert needed is not None
    assert 3 <= needed <= 30
    assert runs_needed(comparison, 1e-4, draws=199, rng=np.random.default_rng(0)) is None


def test_smaller_jumps_need_more_runs_up_to_thirty_times(planted: Planted) -> None:
    comparison = Comparison(curve_over_scale(*planted("linear", noise=0.3)))
    needed = [
        runs_needed(comparison, smallest, draws=99, rng=np.random.default_rng(0)) for smallest in (0.5, 0.4, 0.25, 0.2)
    ]
    assert needed == [3, 8, 30, None]


def test_seeds_that_jump_at_their_own_time_are_seen_one_by_one() -> None:
    """The mean of eight such curves is smooth."""
    rng = np.random.default_rng(0)
    x = np.arange(26.0)
    values = np.array([(x > time) + rng.normal(0, 0.05, 26) for time in np.linspace(4, 20, 8)])
    evidence = judge(Comparison(curves_over_steps(x, values)), 0.2, draws=199, rng=rng)
    assert evidence.abrupt(evidence.p)
    assert evidence.jump.change_point == pytest.approx(12, abs=2.5)
    mean = judge(Comparison(curves_over_steps(x, values.mean(axis=0)[None])), 0.2, draws=199, rng=rng)
    assert not mean.abrupt(mean.p)


def test_correlated_noise_alone_is_rarely_a_jump() -> None:
    found = 0
    for seed in range(30):
        rng = np.random.default_rng(seed)
        noise = rng.normal(size=(2, 27))
        for step in range(1, 27):
            noise[:, step] = 0.7 * noise[:, step - 1] + np.sqrt(1 - 0.7**2) * noise[:, step]
        evidence = judge(Comparison(curves_over_steps(np.arange(27.0), noise)), 0.2, draws=99, rng=rng)
        found += evidence.abrupt(evidence.p)
    assert found <= binom.ppf(0.999, 30, 0.06)
