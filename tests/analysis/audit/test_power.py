"""Power: the published table, closed forms and an independent simulation."""

import re

import numpy as np
import pytest
from scipy import stats

from analysis.audit import power

# n: effect beyond the margin at .05, .05/10 and .05/80, equivalence half-width; SDs of the paired difference
TABLE = {
    3: (2.30, 7.3, 20.7, 2.66),
    5: (1.36, 2.63, 4.51, 1.60),
    8: (0.98, 1.60, 2.27, 1.15),
    10: (0.85, 1.33, 1.81, 1.00),
    15: (0.68, 1.00, 1.29, 0.80),
    20: (0.58, 0.84, 1.06, 0.68),
}


@pytest.mark.parametrize("n", TABLE)
def test_table_of_detectable_effects(n: int) -> None:
    found = [power.detectable_effect(n, claims=claims) for claims in (1, 10, 80)]
    assert np.allclose([*found, power.equivalence_halfwidth(n)], TABLE[n], rtol=0.01)


def test_the_narrowest_margin_has_the_wanted_power_whatever_the_number_of_pairs() -> None:
    """And it narrows as one over the root of that number."""
    widths = {n: power.equivalence_halfwidth(n) for n in (*range(2, 131), 200, 1000, 5000)}
    reached = [power.equivalence_power(width, n) for n, width in widths.items()]
    assert reached == pytest.approx([0.8] * len(widths), abs=1e-8)
    assert sorted(widths.values(), reverse=True) == list(widths.values())
    assert widths[5000] * np.sqrt(5000) == pytest.approx(stats.norm.isf(0.05) + stats.norm.isf(0.1), rel=1e-3)


def test_a_margin_that_is_wide_enough_is_always_shown() -> None:
    for n in (2, 80, 1000):
        assert power.equivalence_power(1000.0, n) == pytest.approx(1, abs=0.01 if n == 2 else 1e-9)
        assert power.equivalence_power(0.0, n) == 0


def test_large_samples_reach_the_normal_closed_form() -> None:
    wanted = (stats.norm.isf(0.05) + stats.norm.isf(0.2)) / np.sqrt(900)
    assert power.detectable_effect(900) == pytest.approx(wanted, rel=0.005)


def test_effects_scale_with_the_standard_deviation() -> None:
    assert power.detectable_effect(8, 3.0) == pytest.approx(3 * power.detectable_effect(8))
    assert power.equivalence_halfwidth(8, 3.0) == pytest.approx(3 * power.equivalence_halfwidth(8))


def test_equivalence_power_agrees_with_simulation() -> None:
    rng = np.random.default_rng(0)
    x = 0.3 + rng.standard_normal((20_000, 8))
    mean, half = x.mean(1), stats.t.isf(0.05, 7) * x.std(1, ddof=1) / np.sqrt(8)
    simulated = np.mean((mean + half < 1.2) & (mean - half > -1.2))
    assert power.equivalence_power(1.2, 8, effect=0.3) == pytest.approx(simulated, abs=0.012)


@pytest.mark.parametrize("n", [3, 5, 8, 10, 15, 20, 60])
def test_pairs_needed_inverts_the_detectable_effect_and_equivalence_width(n: int) -> None:
    assert power.pairs_needed(power.detectable_effect(n, 2.0), 2.0) == pytest.approx(n, abs=1)
    assert power.pairs_for_equivalence(0.0, power.equivalence_halfwidth(n, 2.0), 2.0) == pytest.approx(n, abs=1)


def test_no_number_of_pairs_decides_an_effect_on_its_margin() -> None:
    assert power.pairs_needed(0.0, 1.0) is None
    assert power.pairs_needed(1e-6, 1.0) is None
    assert power.pairs_for_equivalence(1.0, 1.0, 1.0) is None


def test_pairs_for_equivalence_of_an_effect_off_centre_have_the_power() -> None:
    n = power.pairs_for_equivalence(0.1, 0.6, 1.0)
    assert n is not None
    assert power.equivalence_power(0.6, n + 1, effect=0.1) >= 0.8 > power.equivalence_power(0.6, n - 2, effect=0.1)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"n": 1}, "a paired test needs at least 2 pairs, not 1"),
        ({"n": 5, "sd": -1.0}, "a standard deviation is at least 0, not -1.0"),
        ({"n": 5, "claims": 0}, "a family holds at least 1 claim, not 0"),
        ({"n": 5, "alpha": 1.0}, "alpha lies between 0 and 1, not 1.0"),
        ({"n": 5, "power": 0.0}, "power lies between 0 and 1, not 0.0"),
    ],
)
def test_wrong_input_is_named(arguments: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        power.detectable_effect(**arguments)  # type: ignore[arg-type]
