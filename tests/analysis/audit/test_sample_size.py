"""What would decide a claim: the numbers of pairs of an independent power analysis, one test at a time."""

from math import ceil

import pytest
from statsmodels.stats.power import TTestPower

from analysis.audit.families import KINDS
from analysis.audit.sample_size import deciding, deciding_price
from analysis.audit.settings import AuditSettings

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
    **dict.fromkeys([f"level_{kind}" for kind in KINDS], 0.05),
}


def needed(distance: float, level: float) -> int:
    pairs: float = TTestPower().solve_power(distance / SPREAD, alpha=level, power=0.8, alternative="larger")
    return ceil(pairs)


@pytest.mark.parametrize(
    ("estimates", "distance", "label"),
    [
        ({"total": -0.25, "capability": 0.0, "beyond": 0.09}, 0.15, "REGRESSION"),
        ({"total": -0.09, "capability": 0.0, "beyond": 0.25}, 0.15, "a gain"),
        ({"total": -0.09, "capability": 0.0, "beyond": -0.05}, 0.15, "NO GAIN"),
        ({"total": 0.15, "capability": -0.9, "beyond": 0.09}, 0.09, "GAIN, SIZE OPEN"),
    ],
)
def test_pairs_are_those_of_the_label_that_is_nearest(estimates: dict[str, float], distance: float, label: str) -> None:
    found = deciding(ROW | estimates, AuditSettings())
    assert found.label == label
    assert found.seeds == pytest.approx(needed(distance, 0.05), abs=1)


def test_what_a_gain_costs_is_decided_by_the_slower_of_its_tests() -> None:
    free = deciding_price(ROW | {"total": 0.15, "capability": 0.05, "beyond": 0.9}, AuditSettings())
    paid = deciding_price(ROW | {"total": 0.15, "capability": -0.25, "beyond": 0.9}, AuditSettings())
    assert (free.label, paid.label) == ("DIFFERENTIAL", "TRADE-OFF")
    assert free.seeds == pytest.approx(needed(0.15, 0.05), abs=1)
    assert paid.seeds == pytest.approx(needed(0.15, 0.025), abs=1)


def test_a_claim_among_many_needs_its_own_level() -> None:
    estimates = {"total": -0.09, "capability": 0.9, "beyond": 0.25}
    found = deciding(ROW | estimates | {"level_gain": 0.005}, AuditSettings()).seeds
    assert found == pytest.approx(needed(0.15, 0.005), abs=1)


def test_more_units_do_not_shrink_what_the_test_examples_add() -> None:
    """Half of the variance is theirs: what would need twice the units needs as many as the other half alone does; what
    would need three times as many is decided by no number, but by more examples.
    """
    estimates = {"total": -0.09, "capability": 0.0, "beyond": 0.25}
    alone = deciding(ROW | estimates, AuditSettings()).seeds
    assert alone is not None
    for share in (0.0, 0.1, 0.3):
        found = deciding(ROW | estimates | {"beyond_examples": share}, AuditSettings())
        left = PAIRS / alone - share
        assert (found.seeds is None) == (left <= 0)
        if found.seeds is not None:
            assert found.seeds == pytest.approx(PAIRS * (1 - share) / left, abs=1)
    found = deciding(ROW | estimates | {"beyond_examples": 0.99}, AuditSettings())
    assert (found.label, found.said) == ("a gain", "more test examples (more models would not do)")


def test_only_what_lies_on_its_margin_is_not_decided() -> None:
    assert deciding(ROW | {"total": 0.0, "capability": 0.5, "beyond": 0.1}, AuditSettings()).said == ""
    assert deciding(ROW | {"total": None, "capability": 0.5, "beyond": 0.1}, AuditSettings()).said == ""
    for beyond in (-0.3, -0.1, -0.05, 0.0, 0.05, 0.15):
        for total in (-0.3, -0.1, 0.0, 0.1, 0.3):
            assert deciding(ROW | {"total": total, "capability": 0.0, "beyond": beyond}, AuditSettings()).said


def test_more_are_asked_for_than_there_are() -> None:
    """A gain five errors above its margin, undecided by another match's estimate."""
    row = ROW | {"total": -0.09, "capability": 0.9, "beyond": 0.6, "models": 2}
    assert needed(0.5, 0.05) < PAIRS
    assert deciding(row, AuditSettings()).seeds == PAIRS // 2 + 1
    of_models = deciding(row | {"unit": "model", "units": 10, "models": 10}, AuditSettings())
    assert of_models.models == 11
    some = deciding(row | {"unit": "model", "units": 10, "models": 10, "pairs": 20, "seed_share": 0.5}, AuditSettings())
    assert some.seeds == 3


def test_more_seeds_help_only_as_far_as_they_make_the_spread() -> None:
    """Of models, the share of the variance that is their own stays: then more models are asked for."""
    row = ROW | {"unit": "model", "pairs": 20, "models": 10, "total": -0.09, "capability": 0.9, "beyond": 0.25}
    units = needed(0.15, 0.05)
    all_of_seeds = deciding(row | {"seed_share": 1.0}, AuditSettings())
    assert all_of_seeds.seeds == pytest.approx(2 * units / PAIRS, abs=1)
    of_models = deciding(row | {"seed_share": 0.0}, AuditSettings())
    assert of_models.seeds is None
    assert of_models.models == pytest.approx(units, abs=1)
