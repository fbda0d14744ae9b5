"""Estimands: closed forms of T, E and their standard errors, and what is resampled when."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from analysis.audit.estimands import Estimate, estimate, paired_units
from analysis.audit.grid import Grid, grids
from analysis.audit.ladder import capability_ladder
from analysis.audit.settings import AuditSettings
from analysis.audit.simulated import Method, World, simulated_study
from analysis.audit.verdicts import audit
from analysis.audit.weights import stratified_weights

SETTINGS = AuditSettings(draws=20_000, example_share=0.0)
ONE = World(methods={"m": Method()}, families=1, widths=9, seeds=5, doublings=1.0, method_models=1, method_seeds=10)


def estimated(world: World, settings: AuditSettings = SETTINGS) -> tuple[Grid, Estimate]:
    rng = np.random.default_rng(0)
    grid = grids(*simulated_study(world, rng), settings)[0]
    usable = np.isfinite(grid.y[..., 0])
    weights, _ = stratified_weights(grid.families, settings.draws, rng)
    units = paired_units(grid, 1, usable, np.arange(1), settings)
    ladder = capability_ladder(grid, usable[0], np.arange(1), settings)
    found = estimate(grid, units, ladder, weights, settings, rng)
    assert found is not None
    return grid, found


def test_totals_over_models_are_means_with_the_error_of_a_stratified_mean() -> None:
    grid, found = estimated(World(methods={"m": Method()}))
    cells = (grid.y[1] - grid.y[0])[..., 0].mean(1)
    assert (found.units.kind, found.df, found.units.pairs) == ("model", 9, 24)
    assert found.total[0] == pytest.approx(cells.mean())
    wanted = np.sqrt(np.mean([cells[grid.families == f].var(ddof=1) for f in range(3)]) / 12)
    assert found.total_draws.std() == pytest.approx(wanted, rel=0.03)
    assert found.capability == pytest.approx((grid.capability[1] - grid.capability[0]).mean())


def test_one_model_is_resampled_over_its_pairs() -> None:
    grid, found = estimated(ONE)
    differences = (grid.y[1] - grid.y[0])[..., 0]
    differences = differences[np.isfinite(differences)]
    assert (found.units.kind, found.df, len(differences)) == ("pair", 9, 10)
    assert found.total[0] == pytest.approx(differences.mean())
    assert found.total_draws.std() == pytest.approx(differences.std(ddof=1) / np.sqrt(10), rel=0.03)


def test_shared_examples_widen_the_interval_by_their_share() -> None:
    _, without = estimated(ONE)
    _, shared = estimated(ONE, replace(SETTINGS, example_share=0.5))
    added = shared.total_draws.var() - without.total_draws.var()
    assert added == pytest.approx(0.5 * float(shared.units.example_error[0]) ** 2, rel=0.1)
    assert shared.beyond_draws.var() > without.beyond_draws.var()


def test_capability_alone_leaves_nothing_beyond_without_noise() -> None:
    quiet = {"seed_spread": 0.0, "capability_spread": 0.0, "interaction_spread": 0.0, "model_spread": 0.0}
    world = World(methods={"m": Method(capability=0.5)}, examples=10**9, family_spread=0.0)
    _, found = estimated(replace(world, **quiet))  # type: ignore[arg-type]
    assert found.total[0] == pytest.approx(0.21, abs=1e-3)
    assert found.beyond[0] == pytest.approx(0.0, abs=1e-3)


def test_models_the_ladder_does_not_cover_leave_d_but_not_t() -> None:
    _, found = estimated(World(methods={"m": Method(capability=0.8)}))
    assert 6 <= found.in_range < 12
    assert len(found.units.models) == 12
    assert np.isfinite(found.beyond).all()


@pytest.mark.parametrize("capability", [-0.4, 0.4])
def test_both_capabilities_of_a_model_must_lie_on_the_ladder(capability: float) -> None:
    """Its ends are 1.65 and a twentieth of its length: of the outermost three models two are moved beyond."""
    world = World(methods={"m": Method(capability=capability)}, capability_spread=0.0)
    _, found = estimated(world)
    assert (found.in_range, len(found.units.models)) == (10, 12)


@pytest.mark.parametrize(("widths", "df"), [(3, 12 - 4), (2, 8 - 1)])
def test_a_family_of_three_is_resampled_by_itself_and_one_of_two_is_not(widths: int, df: int) -> None:
    _, found = estimated(World(methods={"m": Method()}, families=4, widths=widths))
    assert found.df == df


def matched(flops: float, capability: float = 0.0) -> pl.DataFrame:
    method = Method(flops=flops, capability=capability)
    results, scores = simulated_study(World(methods={"m": method}), np.random.default_rng(0))
    settings = AuditSettings(draws=100)
    found = audit(results, scores, primary=["condition00/auroc"], settings=settings, rng=np.random.default_rng(0))
    return found.effects.filter(match="flops")


@pytest.mark.parametrize(
    ("flops", "units"),
    [
        (1.01, None),  # less than .02 doublings: equal already
        (1.02, 12),
        (2**0.29, 12),  # the largest models lie within a twentieth of their family's six doublings beyond its largest
        (2**0.31, 9),
        (2**-0.29, 12),
        (2**-0.31, 9),
    ],
)
def test_flops_are_matched_where_they_differ_and_within_the_familys_range(flops: float, units: int | None) -> None:
    assert matched(flops)["units"].to_list() == ([] if units is None else [units])


@pytest.mark.parametrize("doublings", [-2.0, 2.0])
def test_at_equal_flops_the_ladder_covers_the_baseline_that_the_method_is_held_against(doublings: float) -> None:
    """Capability as its FLOPs would have brought it: of what is left to compare, E is 0 and every model is covered."""
    row = matched(2.0**doublings, capability=0.5 * doublings).row(0, named=True)
    assert row["capability"] == pytest.approx(0, abs=0.1)
    assert (row["units"], row["in_range"]) == (9, 9)
    assert row["beyond"] == pytest.approx(0, abs=0.1)
