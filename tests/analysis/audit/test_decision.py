"""The decision list and the tests it rests on, against independent forms."""

from itertools import pairwise
from typing import Any

import numpy as np
import polars as pl
import pytest

from analysis.audit import decision
from analysis.audit.decision import decide, in_all
from analysis.audit.degrees import with_pooled_df
from analysis.audit.estimands import Estimate, Statistic
from analysis.audit.families import KINDS
from analysis.audit.settings import AuditSettings
from analysis.audit.units import Units

SETTINGS = AuditSettings()
UNDECIDED: dict[str, float | None] = {
    "margin": 0.1,
    "capability_margin": 0.2,
    "total": 0.1,
    "total_lower": -0.3,
    "total_upper": 0.5,
    "capability": 0.0,
    "capability_lower": -0.4,
    "capability_upper": 0.4,
    "capability_least": -0.4,
    "beyond": 0.05,
    "beyond_least": 0.02,
    "beyond_most": 0.08,
    **{f"q_{kind}": 0.5 for kind in (*KINDS, "neutral")},
    **dict.fromkeys(("p_tax", "p_paid", "p_paid_epochs", "p_safer", "p_neutral", "p_washing", "p_lost"), 0.5),
    "p_total": 0.5,
}
GAIN = {"q_gain": 0.01, "p_safer": 0.01}
FREE = {**GAIN, "p_tax": 0.01}
PAID = {**GAIN, "p_paid": 0.01}
NOTHING_BEYOND = {"beyond": None, **{f"q_{kind}": None for kind in ("gain", "sign", "none", "null", "wash")}}


@pytest.mark.parametrize(
    ("changes", "verdict"),
    [
        ({}, ("UNDETERMINED", "")),
        ({"q_loss": 0.01}, ("REGRESSION", "")),
        ({"q_loss": 0.01, "p_washing": 0.01}, ("REGRESSION", "as its lost capability explains")),
        ({"q_loss": 0.01, "p_lost": 0.01}, ("REGRESSION", "beyond what its capability explains")),
        (FREE, ("DIFFERENTIAL", "")),
        ({**FREE, "q_neutral": 0.01}, ("DIFFERENTIAL", "capability-neutral")),
        ({**FREE, "capability_least": 0.25}, ("DIFFERENTIAL", "with externality")),
        ({**PAID, "p_paid_epochs": 0.01}, ("TRADE-OFF", "")),
        (PAID, ("TRADE-OFF", "it pays at equal FLOPs only")),
        (GAIN, ("GAIN, PRICE OPEN", "")),
        ({**FREE, "p_safer": 0.5}, ("GAIN, PRICE OPEN", "")),
        ({"q_null": 0.01}, ("NULL", "capability open")),
        ({"q_null": 0.01, "p_neutral": 0.01, "capability_upper": -0.1}, ("NULL", "capability unchanged")),
        ({"q_null": 0.01, "capability_upper": -0.1}, ("NULL", "capability falls")),
        ({"q_null": 0.01, "capability_lower": 0.1}, ("NULL", "capability rises")),
        ({"q_wash": 0.01}, ("WASHING", "")),
        ({"q_wash": 0.01, "q_null": 0.01}, ("NULL", "capability open")),  # within the margin nothing is washed
        ({"q_sign": 0.01}, ("GAIN, SIZE OPEN", "at least +0.02")),
        ({"q_sign": 0.01, "beyond_least": 0.11}, ("GAIN, SIZE OPEN", "at least +0.11, taken alone")),
        ({"q_sign": 0.01, "q_none": 0.01}, ("GAIN, SIZE OPEN", "at least +0.02")),
        ({"q_none": 0.01}, ("NO GAIN", "at most +0.08")),
        ({**NOTHING_BEYOND, "q_loss": 0.01, "p_washing": None, "p_lost": None}, ("REGRESSION", "")),
    ],
)
def test_first_rule_that_fits(changes: dict[str, float | None], verdict: tuple[str, str]) -> None:
    assert decide({**UNDECIDED, **changes}, SETTINGS) == verdict


@pytest.mark.parametrize(
    ("changes", "label"),
    [
        ({**FREE, "q_gain": 0.05, "p_tax": 0.05, "p_safer": 0.05}, "DIFFERENTIAL"),
        ({**FREE, "q_gain": 0.051}, "UNDETERMINED"),
        ({**FREE, "p_tax": 0.051}, "GAIN, PRICE OPEN"),
        ({**FREE, "p_safer": 0.051}, "GAIN, PRICE OPEN"),
        ({**PAID, "p_paid": 0.025}, "TRADE-OFF"),
        ({**PAID, "p_paid": 0.026}, "GAIN, PRICE OPEN"),
        *(({f"q_{kind}": 0.05}, label) for kind, label in (("null", "NULL"), ("wash", "WASHING"), ("none", "NO GAIN"))),
        *(({f"q_{kind}": 0.051}, "UNDETERMINED") for kind in KINDS),
    ],
)
def test_every_condition_of_a_rule_counts_up_to_its_level(changes: dict[str, float | None], label: str) -> None:
    assert decide({**UNDECIDED, **changes}, SETTINGS)[0] == label


def test_rules_are_tried_in_their_order() -> None:
    order = ["loss", "gain", "null", "wash", "sign", "none"]
    every = {f"q_{kind}": 0.01 for kind in order}
    found = []
    for kind in order:
        found.append(decide({**UNDECIDED, **every}, SETTINGS)[0])
        every[f"q_{kind}"] = 0.5
    assert found == ["REGRESSION", "GAIN, PRICE OPEN", "NULL", "WASHING", "GAIN, SIZE OPEN", "NO GAIN"]
    assert all(a != b for a, b in pairwise(found))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, "in all open; capability open"),
        ({"total_lower": 0.1, "p_neutral": 0.01}, "in all safer; capability unchanged"),
        ({"total_upper": -0.1, "capability_upper": -0.1}, "in all less safe; capability falls"),
        ({"p_total": 0.01}, "in all as safe, within the margin; capability open"),
        ({"capability": None}, "in all open; capability not known"),
        ({"total": None}, ""),
    ],
)
def test_without_d_the_verdict_says_what_t_and_e_are(changes: dict[str, float | None], said: str) -> None:
    row = {**UNDECIDED, **NOTHING_BEYOND, **changes}
    assert decide(row, SETTINGS) == ("UNDETERMINED", said)
    assert in_all(row, 0.05) == said


T_10 = {0.05: 1.8125, 0.025: 2.2281}  # quantiles of Student's t with 10 degrees of freedom, from a table
SE = 0.5
NO_RUNS = np.zeros(0)
TWICE = np.array([2, 2, 2])
UNITS = Units("model", np.arange(3), TWICE, NO_RUNS, NO_RUNS, NO_RUNS, NO_RUNS, NO_RUNS, None, np.array([0.25]))


def told(total: float = 0.0, capability: float = 0.0, beyond: float = 0.0) -> dict[str, float]:
    """The tests of one measurement with margins 2 and 3, whose estimates have the standard error SE."""
    t, e, d = (
        Statistic(np.array([point]), np.array([SE]), np.array([0.1]), 10) for point in (total, capability, beyond)
    )
    found = Estimate("epochs", UNITS, 3, t, e, d, np.array([0.5]), np.array([1.0]), np.zeros((2, 1)))
    rows = decision.described(found, np.array([2.0]), 3.0).with_columns(
        method=pl.lit("m"), domain=pl.lit("vision"), dataset=pl.lit("digits"), measurement=pl.lit("x")
    )
    return decision.tested(with_pooled_df(rows), SETTINGS, decision.LEAST_DF).row(0, named=True)


@pytest.mark.parametrize(
    ("estimates", "test"),
    [
        ({"beyond": 2 + SE * T_10[0.05]}, "p_differential"),
        ({"capability": -3 + SE * T_10[0.05]}, "p_tax"),
        ({"capability": SE * T_10[0.05]}, "p_up"),
        ({"beyond": 2 - SE * T_10[0.05]}, "p_washing"),
        ({"beyond": -2 + SE * T_10[0.05]}, "p_washing"),
        ({"capability": 3 - SE * T_10[0.05]}, "p_neutral"),
        ({"capability": -3 + SE * T_10[0.05]}, "p_neutral"),
        ({"total": 2 - SE * T_10[0.05]}, "p_null"),
        ({"beyond": 2 - SE * T_10[0.05]}, "p_null"),
        ({"total": 2 - SE * T_10[0.05]}, "p_total"),
        ({"beyond": SE * T_10[0.05]}, "p_above"),
        ({"beyond": 2 - SE * T_10[0.05]}, "p_below"),
        ({"beyond": -2 - SE * T_10[0.05]}, "p_lost"),
        ({"total": SE * T_10[0.05]}, "p_safer"),
        ({"total": -2 - SE * T_10[0.05]}, "p_loss"),
        ({"capability": -3 - SE * T_10[0.05]}, "p_paid"),
    ],
)
def test_the_tests_are_one_sided_t_tests_against_their_margins(estimates: dict[str, float], test: str) -> None:
    assert told(**estimates)[test] == pytest.approx(0.05, rel=1e-3)


def test_intervals_are_two_sided_and_facts_are_the_units() -> None:
    row = told(1.0, 2.0, 3.0)
    for name, point in (("total", 1), ("capability", 2), ("beyond", 3)):
        assert (row[name], row[f"{name}_se"]) == (point, SE)
        assert row[f"{name}_lower"] == pytest.approx(point - SE * T_10[0.025], rel=1e-3)
        assert row[f"{name}_upper"] == pytest.approx(point + SE * T_10[0.025], rel=1e-3)
    assert row["beyond_least"] == pytest.approx(3 - SE * T_10[0.05], rel=1e-3)
    assert row["beyond_most"] == pytest.approx(3 + SE * T_10[0.05], rel=1e-3)
    facts = {"match": "epochs", "unit": "model", "units": 3, "pairs": 6, "models": 3, "df": 10, "in_range": 3}
    assert {name: row[name] for name in facts} == facts
    assert (row["margin"], row["capability_margin"], row["seed_share"]) == (2, 3, 0.25)
    assert (row["capability_beyond_correlation"], row["total_covered"]) == (1.0, 0.5)
    assert (row["total_df"], row["capability_df"], row["beyond_df"]) == (10, 10, 10)


def test_the_examples_known_part_adds_degrees_of_freedom_from_four_methods_on() -> None:
    """Half of the variance known, pooled: 1 / .5^2 = 4 times the units'; a third: 2.25 times."""

    def dfs(methods: int, known: list[float]) -> list[float]:
        names = ("total", "capability", "beyond")
        columns: dict[str, list[Any]] = {
            f"{name}_{end}": v for name in names for end, v in (("se", [1.0] * methods), ("known", known))
        }
        facts = {"domain": "v", "dataset": "d", "measurement": "x", "match": "epochs", "df": 8, "beyond_units_df": 6}
        columns["method"] = [f"m{number}" for number in range(methods)]
        rows = pl.DataFrame(columns).with_columns(pl.lit(value).alias(name) for name, value in facts.items())
        found = with_pooled_df(rows)
        assert found["total_df"].to_list() == pytest.approx([8 / 6 * df for df in found["beyond_df"]])
        return found["beyond_df"].to_list()

    assert dfs(4, [0.25, 0.75, 0.5, 0.5]) == pytest.approx([24.0] * 4)
    assert dfs(4, [1 / 3] * 4) == pytest.approx([13.5] * 4)
    assert dfs(4, [0.99] * 4) == pytest.approx([24.0] * 4)
    assert dfs(3, [0.5] * 3) == pytest.approx([6.0] * 3)
