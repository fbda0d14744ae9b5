"""Two methods against each other: what was planted between them is found, and the two ways round agree."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from analysis.audit.comparison import comparisons
from analysis.audit.schema import COMPARISONS
from analysis.audit.settings import AuditSettings, Margins
from analysis.audit.verdicts import Audit, audit
from analysis.simulation.worlds import Method, World, simulated_study

NAME = "condition00/auroc"
SETTINGS = AuditSettings(draws=200, margins=Margins(capability=0.25))
METHODS = {"able": Method(capability=0.4), "safe": Method(beyond=0.6), "safer": Method(beyond=0.9, capability=-0.3)}
WORLD = World(families=3, widths=5, methods=METHODS, examples=10**5)


def compared(world: World, seed: int = 0) -> tuple[Audit, pl.DataFrame]:
    rng = np.random.default_rng(seed)
    results, scores = simulated_study(world, rng)
    found = audit(results, scores, primary=[NAME], settings=SETTINGS, rng=rng)
    return found, comparisons(results, scores, found.verdicts, found.margins, SETTINGS)


@pytest.fixture(scope="module")
def both() -> tuple[Audit, pl.DataFrame]:
    return compared(WORLD)


def test_every_ordered_pair_is_compared(both: tuple[Audit, pl.DataFrame]) -> None:
    pairs = both[1].select("method", "other").rows()
    assert pairs == sorted((a, b) for a in METHODS for b in METHODS if a != b)


def test_a_difference_is_that_of_the_methods_own_effects(both: tuple[Audit, pl.DataFrame]) -> None:
    """T, E and, where the ladder covers the same models, D: standard training drops out."""
    found, rows = both
    own = {row["method"]: row for row in found.effects.filter(match="epochs", axis="safety").to_dicts()}
    for row in rows.to_dicts():
        one, other = own[row["method"]], own[row["other"]]
        for name in ("total", "capability"):
            assert row[name] == pytest.approx(one[name] - other[name], abs=1e-9), name
        if {row["in_range"], one["in_range"], other["in_range"]} == {15}:
            assert row["beyond"] == pytest.approx(one["beyond"] - other["beyond"], abs=1e-9)
    assert any(row["beyond"] is not None for row in rows.to_dicts())


@pytest.mark.parametrize("models", [15, 4])
def test_the_two_ways_round_mirror_each_other(models: int) -> None:
    """With models as units, and with pairs, where it is drawn."""
    rows = {(row["method"], row["other"]): row for row in compared(replace(WORLD, method_models=models))[1].to_dicts()}
    assert {row["unit"] for row in rows.values()} == {"model" if models == 15 else "pair"}
    for (one, other), row in rows.items():
        back = rows[other, one]
        for name in ("total", "capability", "beyond"):
            if row[name] is not None and back[name] is not None:
                assert row[name] == pytest.approx(-back[name], abs=1e-9), name
                assert row[f"{name}_lower"] == pytest.approx(-back[f"{name}_upper"], abs=1e-9), name


def test_what_capability_explains_is_no_difference_beyond_it() -> None:
    """A method that is only more capable is safer in all than one that does nothing, and not beyond capability."""
    world = replace(WORLD, methods={"able": Method(capability=0.5), "idle": Method()})
    (row,) = compared(world)[1].filter(method="able").to_dicts()
    assert row["total_lower"] > 0
    assert row["beyond_lower"] < 0 < row["beyond_upper"]
    assert row["match"] == "epochs"


def test_few_models_are_compared_by_their_pairs_and_the_same_each_time() -> None:
    world = replace(WORLD, method_models=4)
    rows = [compared(world)[1] for _ in range(2)]
    assert rows[0]["unit"].unique().to_list() == ["pair"]
    assert rows[0].equals(rows[1])


def test_a_comparison_hangs_on_no_third_method() -> None:
    results, scores = simulated_study(replace(WORLD, method_models=4), np.random.default_rng(0))
    rows = []
    for left in (pl.lit(True), pl.col("method") != "able"):
        tables = results.filter(left), scores.filter(left)
        found = audit(*tables, primary=[NAME], settings=SETTINGS, rng=np.random.default_rng(0))
        every = comparisons(*tables, found.verdicts, found.margins, SETTINGS)
        rows.append(every.filter(method="safer", other="safe").row(0, named=True))
    assert rows[0] == rows[1]
    assert rows[0]["total_se"] > 0


def test_three_methods_are_too_few_to_pool_their_degrees_of_freedom() -> None:
    """In whatever number of comparisons they are."""
    methods = {name: Method() for name in "abcd"}
    for some in (3, 4):
        world = World(examples=60, methods=dict(list(methods.items())[:some]))
        rows = compared(world)[1]
        pooled = (rows["total_df"] > rows["df"]).to_list()
        assert pooled == [some == 4] * (some * (some - 1))


def test_no_claim_is_no_comparison() -> None:
    rng = np.random.default_rng(0)
    results, scores = simulated_study(replace(WORLD, methods={"a": Method(), "b": Method()}), rng)
    found = audit(results, scores, primary=[NAME], settings=SETTINGS, rng=rng)
    none = comparisons(results, scores, found.verdicts.head(0), found.margins, SETTINGS)
    assert none.equals(COMPARISONS.empty())


@pytest.mark.slow
def test_intervals_hold_the_planted_difference_as_often_as_they_say() -> None:
    held = []
    for seed in range(150):
        rows = compared(replace(WORLD, examples=1000), seed)[1].filter(method="safer", other="safe")
        row = rows.row(0, named=True)
        held.append(row["beyond_lower"] <= 0.3 <= row["beyond_upper"])
    assert 0.89 <= np.mean(held) <= 0.99


def test_what_standard_lacks_changes_neither_a_difference_nor_its_error() -> None:
    """T and E of two methods are of their own runs; the ladder is of the seven models that standard has."""
    world = World(families=3, seeds=1, methods={"a": Method(), "b": Method()}, interaction_spread=0.15)
    lost = ["family0-1", "family0-2", "family1-1", "family2-0", "family2-3"]
    results, scores = simulated_study(world, np.random.default_rng(0))
    rows = []
    for gone in ([], lost):
        left = ~((pl.col("method") == "standard") & pl.col("model").is_in(gone))
        tables = results.filter(left), scores.filter(left)
        found = audit(*tables, primary=[NAME], settings=SETTINGS, rng=np.random.default_rng(0))
        rows.append(comparisons(*tables, found.verdicts, found.margins, SETTINGS).row(0, named=True))
    assert rows[0]["beyond"] != rows[1]["beyond"]
    for name in ("units", "total_df", *(of + end for of in ("total", "capability") for end in ("", "_se"))):
        assert rows[1][name] == pytest.approx(rows[0][name], rel=1e-9), name
