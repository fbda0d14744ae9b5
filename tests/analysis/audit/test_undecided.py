"""What would decide a claim: the numbers of pairs of an independent power analysis, one test at a time."""

from math import ceil

import pytest
from statsmodels.stats.power import TTestPower

from analysis.audit.settings import AuditSettings
from analysis.audit.undecided import Deciding, deciding

PAIRS = 10
SPREAD = 0.1 * PAIRS**0.5  # of single pairs; their mean's standard error is 0.1
ROW = {
    "unit": "pair",
    "units": PAIRS,
    "pairs": PAIRS,
    "models": 1,
    "margin": 0.1,
    "capability_margin": 0.1,
    "total_se": 0.1,
    "capability_se": 0.1,
    "beyond_se": 0.1,
    "seed_share": 0.0,
    "level_differential": 0.05,
    "level_equivalence": 0.05,
}


def needed(distance: float, level: float) -> int:
    pairs: float = TTestPower().solve_power(distance / SPREAD, alpha=level, power=0.8, alternative="larger")
    return ceil(pairs)


def seeds(**estimates: float) -> int | None:
    return deciding(ROW | estimates, AuditSettings()).seeds


@pytest.mark.parametrize(
    ("estimates", "distance", "level"),
    [
        ({"total": -0.25, "capability": 0.0, "beyond": -0.25}, 0.15, 0.025),  # a regression: the interval of T
        ({"total": 0.9, "capability": 0.9, "beyond": 0.25}, 0.15, 0.05),  # differential: D above its margin
        ({"total": 0.15, "capability": 0.9, "beyond": 0.9}, 0.15, 0.025),  # or T above 0
        ({"total": 0.9, "capability": 0.05, "beyond": 0.9}, 0.15, 0.05),  # or no tax
        ({"total": 0.9, "capability": -0.25, "beyond": 0.9}, 0.15, 0.025),  # a trade-off: the interval of E
    ],
)
def test_pairs_are_those_of_the_slowest_test(estimates: dict[str, float], distance: float, level: float) -> None:
    assert seeds(**estimates) == pytest.approx(needed(distance, level), abs=1)


def test_a_claim_among_many_needs_its_own_level() -> None:
    estimates = {"total": 0.9, "capability": 0.9, "beyond": 0.25}
    found = deciding(ROW | estimates | {"level_differential": 0.005}, AuditSettings()).seeds
    assert found == pytest.approx(needed(0.15, 0.005), abs=1)


def test_what_lies_on_no_side_is_not_decided() -> None:
    nothing = Deciding(None, None)
    assert deciding(ROW | {"total": 0.1, "capability": 0.5, "beyond": 0.1}, AuditSettings()) == nothing
    assert deciding(ROW | {"total": None, "capability": 0.5, "beyond": 0.1}, AuditSettings()) == nothing


def test_more_seeds_help_only_as_far_as_they_make_the_spread() -> None:
    """Of models, the share of the variance that is their own stays: then more models are asked for."""
    row = ROW | {"unit": "model", "pairs": 20, "models": 10, "total": 0.9, "capability": 0.9, "beyond": 0.25}
    units = needed(0.15, 0.05)
    all_of_seeds = deciding(row | {"seed_share": 1.0}, AuditSettings())
    assert all_of_seeds.seeds == pytest.approx(2 * units / PAIRS, abs=1)
    none_of_seeds = deciding(row | {"seed_share": 0.0}, AuditSettings())
    assert none_of_seeds.seeds is None
    assert none_of_seeds.models == pytest.approx(units, abs=1)
