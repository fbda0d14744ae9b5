import numpy as np
import pytest
from scipy.stats import binom

from analysis.jumps.artefact import Companion, pushed_through
from analysis.jumps.comparison import Comparison
from analysis.jumps.curve import curve_over_scale
from analysis.jumps.decision import judge
from analysis.jumps.labels import ACCELERATION, JUMP, METRIC_ARTEFACT, label

X = np.tile(np.arange(12.0), 5)


def _token(noise: float, rng: np.random.Generator) -> np.ndarray:
    """A token's probability, smooth over scale, one value per run."""
    clean = 0.2 + 0.79 / (1 + np.exp(-(X / 11 - 0.5) * 4.394 / 0.5))
    return np.clip(clean + rng.normal(0, noise, len(X)), 0, 1)


def test_exact_match_over_many_tokens_is_an_artefact_of_the_metric() -> None:
    rng = np.random.default_rng(0)
    token = _token(0.01, rng)
    exact = (0.2 + 0.79 / (1 + np.exp(-(X / 11 - 0.5) * 4.394 / 0.5))) ** 50 + rng.normal(0, 0.01, len(X))
    discrete, companion = (Comparison(curve_over_scale(X, values)) for values in (exact, token))
    of_exact, of_token = (judge(each, 0.1, draws=199, rng=rng) for each in (discrete, companion))
    companion_found = Companion(of_token, of_token.p, of_token.p_acceleration)
    assert label(of_exact, of_exact.p, of_exact.p_acceleration, companion=companion_found) == (
        METRIC_ARTEFACT,
        "the continuous companion of the same outputs is smooth",
    )
    assert label(of_exact, of_exact.p, of_exact.p_acceleration)[0] == ACCELERATION


def test_with_its_companion_exact_match_is_rarely_a_jump() -> None:
    alone = together = 0
    for seed in range(30):
        rng = np.random.default_rng(seed)
        token = _token(0.01, rng)
        found = [
            judge(Comparison(curve_over_scale(X, values)), 0.1, draws=99, rng=rng)
            for values in (token**20 + rng.normal(0, 0.02, len(X)), token)
        ]
        exact, companion = found[0], Companion(found[1], found[1].p, found[1].p_acceleration)
        alone += label(exact, exact.p, exact.p_acceleration)[0] in (ACCELERATION, JUMP)
        together += label(exact, exact.p, exact.p_acceleration, companion=companion)[0] in (ACCELERATION, JUMP)
    assert alone >= 15
    assert together <= binom.ppf(0.999, 30, 0.05)


@pytest.mark.parametrize("tokens", [8, 20])
def test_a_power_of_the_companion_is_predicted_by_it(tokens: int) -> None:
    rng = np.random.default_rng(tokens)
    clean = 0.2 + 0.79 / (1 + np.exp(-(X / 11 - 0.5) * 4.394 / 0.5))
    exact = clean**tokens + rng.normal(0, 0.02, len(X))
    discrete, companion = (Comparison(curve_over_scale(X, values)) for values in (exact, _token(0.002, rng)))
    pushed = pushed_through(discrete, companion, probability=True, draws=99, rng=rng)
    assert pushed.link == "all tokens right"
    assert pushed.p > 0.05
    assert pushed.predicted[0] == pytest.approx(clean[:12] ** tokens, abs=0.05)


@pytest.mark.parametrize("level", [0, 100])
def test_a_threshold_on_a_margin_is_predicted_by_it_wherever_its_zero_is(level: float) -> None:
    rng = np.random.default_rng(0)
    margin = X - 6 + level
    accuracy = 1 / (1 + np.exp(-3 * (margin - level))) + rng.normal(0, 0.02, len(X))
    curves = (curve_over_scale(X, values) for values in (accuracy, margin + rng.normal(0, 0.02, len(X))))
    pushed = pushed_through(*(Comparison(curve) for curve in curves), probability=False, draws=99, rng=rng)
    assert pushed.link == "threshold"
    assert pushed.p > 0.05


def test_a_jump_that_the_companion_lacks_is_not_predicted_by_it() -> None:
    """The discrete metric steps down again: no monotone link of a rising companion does that."""
    rng = np.random.default_rng(0)
    exact = 1.0 * ((X > 3) & (X < 8)) + rng.normal(0, 0.02, len(X))
    discrete, companion = (Comparison(curve_over_scale(X, values)) for values in (exact, _token(0.01, rng)))
    assert pushed_through(discrete, companion, probability=False, draws=99, rng=rng).p == 0.01


def test_a_jump_is_shared_where_both_jump_at_the_same_place() -> None:
    rng = np.random.default_rng(0)
    here, there = (
        judge(Comparison(curve_over_scale(X, (cut < X) + rng.normal(0, 0.05, len(X)))), 0.1, draws=199, rng=rng)
        for cut in (5.5, 8.5)
    )
    assert Companion(here, here.p, 1.0).jumps_with(here)
    assert not Companion(there, there.p, 1.0).jumps_with(here)
    assert not Companion(here, 0.5, 1.0).jumps_with(here)
    assert label(here, here.p, 1.0, companion=Companion(here, here.p, 1.0))[0] == JUMP
    assert label(here, here.p, 1.0, companion=Companion(there, there.p, 1.0)) == (
        METRIC_ARTEFACT,
        "the continuous companion changes elsewhere",
    )
    assert label(here, here.p, 1.0, companion=Companion(here, 0.5, 1.0)) == (
        METRIC_ARTEFACT,
        "the continuous companion of the same outputs does not jump",
    )
