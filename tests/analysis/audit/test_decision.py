"""The decision list, the adjustments and max-T against independent forms."""

import numpy as np
import polars as pl
import pytest
from scipy import stats

from analysis.audit import decision
from analysis.audit.decision import adjusted, decide, max_t, step_up
from analysis.audit.degrees import with_pooled_df
from analysis.audit.estimands import Estimate, Statistic
from analysis.audit.settings import AuditSettings
from analysis.audit.units import Units

SETTINGS = AuditSettings()
UNDECIDED: dict[str, float | None] = {
    "margin": 0.1,
    "capability_margin": 0.2,
    "total_least": -0.3,
    "total_most": 0.5,
    "capability_least": -0.4,
    "capability_most": 0.4,
    "q_differential": 0.5,
    "p_tax": 0.5,
    "q_neutral": 0.5,
    "q_washing": 0.5,
    "p_up": 0.5,
    "q_null": 0.5,
}
SAFER = {"total_least": 0.2, "q_differential": 0.01}


@pytest.mark.parametrize(
    ("changes", "verdict"),
    [
        ({}, ("UNDETERMINED", "")),
        ({"total_most": -0.11}, ("REGRESSION", "")),
        ({**SAFER, "p_tax": 0.01}, ("DIFFERENTIAL", "")),
        ({**SAFER, "p_tax": 0.01, "q_neutral": 0.01}, ("DIFFERENTIAL", "capability-neutral")),
        ({**SAFER, "p_tax": 0.01, "capability_least": 0.25}, ("DIFFERENTIAL", "with externality")),
        ({**SAFER, "capability_most": -0.25}, ("TRADE-OFF", "")),
        ({"total_least": 0.01, "q_washing": 0.01, "p_up": 0.01}, ("WASHING", "")),
        ({"total_least": 0.01, "q_washing": 0.01}, ("UNDETERMINED", "")),
        ({"q_null": 0.01}, ("NULL", "")),
        ({**SAFER}, ("UNDETERMINED", "")),
        ({"q_differential": None, "q_washing": None, "total_most": -0.2}, ("REGRESSION", "")),
        (dict.fromkeys(UNDECIDED), ("UNDETERMINED", "")),
    ],
)
def test_first_rule_that_fits(changes: dict[str, float | None], verdict: tuple[str, str]) -> None:
    assert decide({**UNDECIDED, **changes}, SETTINGS) == verdict


def test_step_up_is_benjamini_hochberg_and_ignores_the_unmeasured() -> None:
    p = np.array([0.01, np.nan, 0.04, 0.03, 0.5])
    q = step_up(p)
    assert np.isnan(q[1])
    assert q[[0, 2, 3, 4]] == pytest.approx([0.04, 0.04 * 4 / 3, 0.04 * 4 / 3, 0.5])


def test_max_t_of_independent_claims_is_near_sidak_and_of_copies_is_one_claim() -> None:
    rng = np.random.default_rng(0)
    draws = rng.standard_normal((40_000, 5))
    statistics = np.array([2.5, 0.0, 0.0, 0.0, 0.0])
    p = max_t(statistics, draws, 10**6, rng)
    assert p[0] == pytest.approx(1 - (1 - 0.00621) ** 5, abs=0.004)
    copies = max_t(np.full(5, 1.645), np.repeat(draws[:, :1], 5, axis=1), 10**6, rng)
    assert copies == pytest.approx(np.full(5, 0.05), abs=0.005)


def test_max_t_never_ranks_claims_against_their_statistics() -> None:
    rng = np.random.default_rng(1)
    statistics = rng.standard_normal(8) * 2
    p = max_t(statistics, rng.standard_normal((500, 8)), 6, rng)
    assert np.all(np.diff(p[np.argsort(statistics)]) <= 1e-12)


T_10 = {0.05: 1.8125, 0.025: 2.2281}  # quantiles of Student's t with 10 degrees of freedom, from a table
SE = 0.5
NO_RUNS = np.zeros(0)
UNITS = Units("model", np.array([0, 1, 2]), 6, NO_RUNS, NO_RUNS, NO_RUNS, NO_RUNS, NO_RUNS, None, np.array([0.25]))


def told(total: float = 0.0, capability: float = 0.0, beyond: float = 0.0) -> dict[str, float]:
    """The tests of one measurement with margins 2 and 3, whose estimates have the standard error SE."""
    t, e, d = (
        Statistic(np.array([point]), np.array([SE]), np.array([0.1]), 10) for point in (total, capability, beyond)
    )
    found = Estimate("epochs", UNITS, 3, t, e, d, np.array([0.5]), np.array([1.0]), np.zeros((2, 1)))
    rows = decision.described(found, np.array([2.0]), 3.0).with_columns(
        domain=pl.lit("vision"), dataset=pl.lit("digits"), measurement=pl.lit("x")
    )
    return decision.tested(with_pooled_df(rows), SETTINGS).row(0, named=True)


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
        ({"capability": 3 - SE * T_10[0.05]}, "p_null"),
        ({"total": 2 - SE * T_10[0.05]}, "p_null"),
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
    facts = {"match": "epochs", "unit": "model", "units": 3, "pairs": 6, "models": 3, "df": 10, "in_range": 3}
    assert {name: row[name] for name in facts} == facts
    assert (row["margin"], row["capability_margin"], row["seed_share"]) == (2, 3, 0.25)
    assert (row["capability_beyond_correlation"], row["total_covered"]) == (1.0, 0.5)
    assert (row["total_df"], row["capability_df"], row["beyond_df"]) == (10, 10, 10)


def test_the_examples_known_part_adds_degrees_of_freedom_from_four_methods_on() -> None:
    """Half of the variance known, pooled: 1 / .5^2 = 4 times the units'; a third: 2.25 times."""

    def dfs(methods: int, known: list[float]) -> list[float]:
        names = ("total", "capability", "beyond")
        columns = {f"{name}_{end}": v for name in names for end, v in (("se", [1.0] * methods), ("known", known))}
        facts = {"domain": "v", "dataset": "d", "measurement": "x", "match": "epochs", "df": 8, "beyond_units_df": 6}
        rows = pl.DataFrame(columns).with_columns(pl.lit(value).alias(name) for name, value in facts.items())
        found = with_pooled_df(rows)
        assert found["total_df"].to_list() == pytest.approx([8 / 6 * df for df in found["beyond_df"]])
        return found["beyond_df"].to_list()

    assert dfs(4, [0.25, 0.75, 0.5, 0.5]) == pytest.approx([24.0] * 4)
    assert dfs(4, [1 / 3] * 4) == pytest.approx([13.5] * 4)
    assert dfs(4, [0.99] * 4) == pytest.approx([24.0] * 4)
    assert dfs(3, [0.5] * 3) == pytest.approx([6.0] * 3)


def test_families_of_tests_are_counted_within_a_tier() -> None:
    """By hand: three known claims of a tier, of which one is selected, and two methods' neutrality."""
    primary = pl.DataFrame(
        {
            "method": ["a", "a", "b", "b"],
            "p_differential": [0.01, 0.2, 0.5, None],
            "p_washing": [0.04, 0.5, 0.6, None],
            "p_null": [0.01, 0.5, 0.9, 0.9],
            "p_neutral": [0.02, 0.02, 0.04, 0.04],
            "beyond": [1.0, 1.0, 1.0, None],
            "beyond_se": [0.5, 0.5, 0.5, None],
            "beyond_df": [10.0, 10.0, 10.0, None],
        },
    ).with_columns(domain=pl.lit("vision"), dataset=pl.lit("digits"), match=pl.lit("epochs"), tier=pl.lit("primary"))
    exploratory = primary.with_columns(tier=pl.lit("exploratory"), p_differential=pl.lit(0.9))
    found = adjusted(pl.concat([primary, exploratory]), SETTINGS)
    rows = found.filter(tier="primary")
    assert rows["q_differential"].to_list() == pytest.approx([0.03, 0.3, 0.5, None])
    assert rows["q_washing"].to_list() == pytest.approx([0.14, 0.84, 0.84, None], abs=1e-9)
    assert rows["q_null"].to_list() == pytest.approx([0.07, 0.84, 0.9, 0.9], abs=1e-9)
    assert rows["q_neutral"].to_list() == pytest.approx([0.04] * 4)
    half = 0.5 * stats.t.ppf(1 - 0.05 / 3 / 2, 10)
    assert rows["adjusted_lower"].to_list() == [pytest.approx(1 - half), None, None, None]
    assert rows["adjusted_upper"].to_list() == [pytest.approx(1 + half), None, None, None]
    assert rows["level_differential"].to_list() == pytest.approx([0.05 * 2 / 3] * 4)
    assert rows["level_equivalence"].to_list() == pytest.approx([0.05 / 7] * 4)
    others = found.filter(tier="exploratory")
    assert others["level_differential"].to_list() == pytest.approx([0.05 / 4] * 4)
    assert others["adjusted_lower"].null_count() == 4


@pytest.mark.parametrize(
    ("changes", "label"),
    [
        ({"q_differential": 0.05, "p_tax": 0.05, "total_least": 0.2, "q_neutral": 0.051}, "DIFFERENTIAL"),
        ({"q_differential": 0.051, "p_tax": 0.05, "total_least": 0.2}, "UNDETERMINED"),
        ({"q_differential": 0.05, "p_tax": 0.051, "total_least": 0.2}, "UNDETERMINED"),
        ({"q_differential": 0.05, "p_tax": 0.05, "total_least": 0.0}, "UNDETERMINED"),
        ({"q_washing": 0.05, "p_up": 0.05, "total_least": 0.2}, "WASHING"),
        ({"q_washing": 0.051, "p_up": 0.05, "total_least": 0.2}, "UNDETERMINED"),
        ({"q_washing": 0.05, "p_up": 0.051, "total_least": 0.2}, "UNDETERMINED"),
        ({"q_washing": 0.05, "p_up": 0.05, "total_least": -0.1}, "UNDETERMINED"),
        ({"q_null": 0.05}, "NULL"),
        ({"q_null": 0.051}, "UNDETERMINED"),
        ({"total_most": -0.1}, "UNDETERMINED"),
        ({"q_differential": 0.05, "capability_most": -0.2}, "UNDETERMINED"),
    ],
)
def test_every_condition_of_a_rule_counts_up_to_its_level(changes: dict[str, float | None], label: str) -> None:
    assert decide({**UNDECIDED, **changes}, SETTINGS)[0] == label
