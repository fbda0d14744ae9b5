"""Estimands: closed forms of T, E and their standard errors, and what is resampled when."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from analysis.audit.estimands import Estimate, estimates
from analysis.audit.grid import Grid, grids
from analysis.audit.ladder import Ladder, capability_ladder, ladders
from analysis.audit.settings import AuditSettings
from analysis.audit.units import paired_units
from analysis.audit.verdicts import audit
from analysis.audit.weights import stratified_weights
from analysis.simulation.worlds import Method, World, simulated_study

SETTINGS = AuditSettings(draws=20_000, example_share=0.0)
ONE = World(methods={"m": Method()}, families=1, widths=9, seeds=5, doublings=1.0, method_models=1, method_seeds=10)
FEW = AuditSettings(draws=400, example_share=0.0)


def all_estimates(grid: Grid, settings: AuditSettings = FEW, seed: int = 0) -> list[Estimate]:
    rng = np.random.default_rng(seed)
    usable = np.isfinite(grid.y[..., 0])
    weights, _ = stratified_weights(grid.families, settings.draws, rng)
    normal = rng.standard_normal(weights.shape)
    units = paired_units(grid, 1, usable, np.arange(1), settings)
    return estimates(grid, units, ladders(grid, usable[0], np.arange(1), settings), weights, normal, settings, rng)


def grid_of(world: World, settings: AuditSettings = FEW) -> Grid:
    return grids(*simulated_study(world, np.random.default_rng(0)), settings)[0]


def estimated(world: World, settings: AuditSettings = SETTINGS) -> tuple[Grid, Estimate]:
    grid = grid_of(world, settings)
    return grid, all_estimates(grid, settings)[0]


def ladder_of(grid: Grid) -> Ladder:
    found = capability_ladder(grid, np.isfinite(grid.y[0, ..., 0]), np.arange(1), FEW)
    assert found is not None
    return found


def test_totals_over_models_are_means_with_the_error_of_a_stratified_mean() -> None:
    grid, found = estimated(World(methods={"m": Method()}), FEW)
    cells = (grid.y[1] - grid.y[0])[..., 0].mean(1)
    assert (found.units.kind, found.total.df, found.units.pairs) == ("model", 9, 24)
    assert found.total.point[0] == pytest.approx(cells.mean())
    wanted = np.sqrt(np.mean([cells[grid.families == f].var(ddof=1) for f in range(3)]) / 12)
    assert found.total.error[0] == pytest.approx(wanted)
    assert found.capability.point[0] == pytest.approx((grid.capability[1] - grid.capability[0]).mean())


def without(grid: Grid, k: int) -> Grid:
    """The grid without a model."""
    keep = np.arange(len(grid.models)) != k
    cut = {name: getattr(grid, name)[:, keep] for name in ("value", "y", "error", "flagged", "blocked")}
    cut |= {name: getattr(grid, name)[:, keep] for name in ("capability", "flops")}
    models = [model for model, kept in zip(grid.models, keep, strict=True) if kept]
    return replace(grid, models=models, families=grid.families[keep], scale=grid.scale[keep], **cut)


@pytest.mark.parametrize("which", ["beyond", "total", "capability"])
def test_the_error_of_an_estimate_is_the_jackknife_of_the_study_without_each_model(which: str) -> None:
    """All is estimated anew, here of a study of one model less, whose knots may lie elsewhere: on a line they do not
    matter.
    """
    grid = grid_of(World(methods={"m": Method(beyond=0.3)}, families=1, widths=16, doublings=1.0))
    found = all_estimates(grid)[0]
    parts = [all_estimates(without(grid, k))[0] for k in range(16)]
    assert not any(ladder_of(without(grid, k)).curved[0] for k in range(16))
    assert [part.in_range for part in parts if part.in_range != found.in_range - 1] == []
    points = np.array([getattr(part, which).point[0] for part in parts])
    wanted = np.sqrt(15 / 16 * ((points - points.mean()) ** 2).sum())
    assert getattr(found, which).error[0] == pytest.approx(wanted)


def test_estimates_over_models_hang_on_no_draw() -> None:
    grid = grid_of(World(methods={"m": Method(capability=0.3, flops=2.0)}))
    first, second = (all_estimates(grid, seed=seed) for seed in (1, 2))
    for a, b in zip(first, second, strict=True):
        for name in ("total", "capability", "beyond"):
            assert np.array_equal(getattr(a, name).point, getattr(b, name).point)
            assert np.array_equal(getattr(a, name).error, getattr(b, name).error)
        assert not np.array_equal(a.draws, b.draws)


def test_families_weigh_among_covered_models_as_among_all() -> None:
    """One family's method gains .9 and loses its largest model to the ladder's end: D is still the mean over families,
    and its spread that within them. Families that differ cost no precision.
    """
    grid = grid_of(World(methods={"m": Method()}, capability_spread=0.0, seed_spread=0.0, interaction_spread=0.0))
    y, capability = grid.y.copy(), grid.capability.copy()
    y[1] = y[0]
    y[1, grid.families == 0] += 0.9
    capability[1, 3] += 1.0
    (found,) = all_estimates(replace(grid, y=y, capability=capability))
    assert (found.in_range, found.total.df, found.beyond.df) == (11, 9, 8)
    assert found.beyond.point[0] == pytest.approx(0.3)
    assert found.total_covered[0] == pytest.approx(0.3)
    assert found.beyond.error[0] == pytest.approx(0.0, abs=1e-9)


def test_a_model_counts_by_its_own_two_capabilities() -> None:
    """One model moved far up leaves alone: the midpoint of the others does not move."""
    grid = grid_of(World(methods={"m": Method()}, capability_spread=0.0))
    capability = grid.capability.copy()
    capability[1, 11] += 2.0
    (found,) = all_estimates(replace(grid, capability=capability))
    assert found.in_range == 11


def test_one_model_is_resampled_over_its_pairs() -> None:
    grid, found = estimated(ONE)
    differences = (grid.y[1] - grid.y[0])[..., 0]
    differences = differences[np.isfinite(differences)]
    assert (found.units.kind, found.total.df, len(differences)) == ("pair", 9, 10)
    assert found.total.point[0] == pytest.approx(differences.mean())
    assert found.total.error[0] == pytest.approx(differences.std(ddof=1) / np.sqrt(10), rel=0.03)


def test_shared_examples_widen_the_interval_by_their_share() -> None:
    _, without_share = estimated(ONE)
    _, shared = estimated(ONE, replace(SETTINGS, example_share=0.5))
    added = float(shared.total.error[0] ** 2 - without_share.total.error[0] ** 2)
    assert added == pytest.approx(0.5 * float(shared.units.example_error[0]) ** 2)
    assert added == pytest.approx(float(shared.total.known[0]))
    assert shared.beyond.error[0] > without_share.beyond.error[0]


def test_examples_that_move_capability_and_safety_along_the_ladder_leave_what_is_beyond_alone() -> None:
    """What draws of the examples do to T is then what they do to E times the ladder's slope: nothing of it is D's."""
    world = World(methods={"m": Method()}, capability_spread=0.0)
    grid = grid_of(world)
    drawn = np.random.default_rng(0).standard_normal(200)
    deviations = np.zeros((*grid.y.shape[:3], 2, len(drawn)))
    deviations[1] = np.stack([world.slope * drawn, drawn])
    found = all_estimates(replace(grid, deviations=deviations))[0]
    assert found.total.known[0] > 0.1
    assert found.beyond.known[0] < 0.05 * found.total.known[0]


def test_capability_alone_leaves_nothing_beyond_without_noise() -> None:
    quiet = {"seed_spread": 0.0, "capability_spread": 0.0, "interaction_spread": 0.0, "model_spread": 0.0}
    world = World(methods={"m": Method(capability=0.5)}, examples=10**9, family_spread=0.0)
    _, found = estimated(replace(world, **quiet))  # type: ignore[arg-type]
    assert found.total.point[0] == pytest.approx(0.21, abs=1e-3)
    assert found.beyond.point[0] == pytest.approx(0.0, abs=1e-3)


def test_models_the_ladder_does_not_cover_leave_d_but_not_t() -> None:
    _, found = estimated(World(methods={"m": Method(capability=0.8)}))
    assert 6 <= found.in_range < 12
    assert len(found.units.models) == 12
    assert np.isfinite(found.beyond.point).all()


@pytest.mark.parametrize("capability", [-0.4, 0.4])
def test_both_capabilities_of_a_model_must_lie_on_the_ladder(capability: float) -> None:
    """Its ends are 1.65 and a twentieth of its length: of the outermost three models two are moved beyond."""
    world = World(methods={"m": Method(capability=capability)}, capability_spread=0.0)
    _, found = estimated(world)
    assert (found.in_range, len(found.units.models)) == (10, 12)


@pytest.mark.parametrize(("widths", "df"), [(3, 12 - 4), (2, 8 - 1)])
def test_a_family_of_three_is_resampled_by_itself_and_one_of_two_is_not(widths: int, df: int) -> None:
    _, found = estimated(World(methods={"m": Method()}, families=4, widths=widths))
    assert found.total.df == df


def matched(flops: float, capability: float = 0.0) -> pl.DataFrame:
    method = Method(flops=flops, capability=capability)
    results, scores = simulated_study(World(methods={"m": method}), np.random.default_rng(0))
    settings = AuditSettings(draws=100)
    found = audit(results, scores, primary=["condition00/auroc"], settings=settings, rng=np.random.default_rng(0))
    return found.effects.filter(match="flops")


@pytest.mark.parametrize(
    ("flops", "known"),
    [
        (1.01, False),  # less than .02 doublings: equal already
        (1.02, True),
        (2.0**4, True),
        (2.0**-4, True),
        (2.0**5, True),  # of each family the smallest stays within its standard models' six doublings: three in all
        (2.0**7, False),
    ],
)
def test_flops_are_matched_where_they_differ_and_within_the_familys_range(flops: float, known: bool) -> None:
    """Without dropping a model: the correction comes from those in range."""
    assert matched(flops)["units"].to_list() == ([12] if known else [])


def test_equal_flops_correct_d_by_what_more_flops_bring_beyond_capability() -> None:
    """A baseline whose safety falls by .1 with each doubling that its capability doesn't explain: more FLOPs bring
    that, so that a method which takes them is .1 better at equal FLOPs.
    """
    quiet = {"seed_spread": 0.0, "capability_spread": 0.0, "interaction_spread": 0.0, "model_spread": 0.0}
    world = World(methods={"m": Method(beyond=0.2, flops=2.0)}, family_spread=0.0, families=3, widths=6, doublings=1.0)
    grid = grid_of(replace(world, **quiet, examples=10**9))  # type: ignore[arg-type]
    width = np.tile(np.arange(6), 3)[:, None]
    wiggle = np.where(width % 2 == 0, 0.2, -0.2) + 0.0 * grid.capability
    grid = replace(grid, capability=grid.capability + wiggle, y=grid.y - 0.1 * grid.flops[0][None, ..., None])
    epochs, flops = all_estimates(grid)
    moved = {name: getattr(flops, name).point[0] - getattr(epochs, name).point[0] for name in ("total", "capability")}
    assert moved["capability"] == pytest.approx(-0.5, abs=0.05)
    assert moved["total"] == pytest.approx(-(0.21 - 0.1), abs=0.02)
    ladder = ladder_of(grid)
    slope = float(ladder.terms[0, 0]) / float(ladder.knots[2] - ladder.knots[0])
    assert flops.beyond.point[0] - epochs.beyond.point[0] == pytest.approx(
        moved["total"] - slope * moved["capability"], abs=0.02
    )
    assert flops.in_range == epochs.in_range
