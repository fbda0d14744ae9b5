"""The ladder: exact lines and curves, an independent spline, and slopes freed of the noise of capability."""

from dataclasses import replace

import numpy as np
import pytest
import statsmodels.api as sm

from analysis.audit.fitting import natural_basis, weighted_fit
from analysis.audit.grid import Grid, grids
from analysis.audit.ladder import Ladder, capability_ladder, coefficients, coefficients_without, curve_frame, ladders
from analysis.audit.settings import AuditSettings
from analysis.audit.weights import dirichlet_weights
from analysis.simulation.worlds import World, simulated_study

SETTINGS = AuditSettings()
QUIET = World(
    family_spread=0.0, model_spread=0.0, interaction_spread=0.0, seed_spread=0.0, capability_spread=0.0, examples=10**9
)


def ladder_of(world: World, seed: int = 0) -> tuple[Grid, Ladder]:
    results, scores = simulated_study(world, np.random.default_rng(seed))
    grid = grids(results, scores, SETTINGS)[0]
    ladder = capability_ladder(grid, np.isfinite(grid.y[0, ..., 0]), np.arange(world.measurements), SETTINGS)
    assert ladder is not None
    return grid, ladder


def slope(ladder: Ladder) -> float:
    """Mean slope over the range."""
    ends = natural_basis(np.array([ladder.x.min(), ladder.x.max()]), ladder.knots)
    steps = np.diff(ends, axis=0) @ coefficients(ladder, np.ones((1, len(ladder.rungs))))[0, -2:]
    return float(steps[0, 0] / np.ptp(ladder.x))


def test_a_line_is_found() -> None:
    _, ladder = ladder_of(replace(QUIET, measurements=1, examples=10**9))
    assert slope(ladder) == pytest.approx(QUIET.slope, abs=1e-3)


def test_curvature_is_detected_and_a_line_mostly_kept() -> None:
    bent = [ladder_of(World(curvature=0.15), seed)[1].curved[0] for seed in range(20)]
    straight = [ladder_of(World(), seed)[1].curved[0] for seed in range(20)]
    assert np.mean(bent) > 0.8
    assert np.mean(straight) < 0.5


@pytest.mark.parametrize(("families", "widths"), [(3, 4), (1, 9)])
def test_a_tenth_of_straight_ladders_is_bent_however_few_their_rungs(families: int, widths: int) -> None:
    """The likelihood ratio against chi2 bends 21 to 28 % of them."""
    world = World(families=families, widths=widths, measurements=100, seeds=2)
    curved = np.concatenate([ladder_of(world, seed)[1].curved for seed in range(40)])
    assert 0.07 < np.mean(curved) < 0.13


def test_the_test_for_a_curve_is_the_f_test_of_nested_regressions() -> None:
    _, ladder = ladder_of(replace(World(), families=1, widths=9))
    x = ladder.calibrated
    line = sm.OLS(ladder.y[:, 0], sm.add_constant(x)).fit()
    curve = sm.OLS(ladder.y[:, 0], sm.add_constant(natural_basis(x, ladder.knots))).fit()
    assert ladder.p_curved[0] == pytest.approx(float(curve.compare_f_test(line)[1]), rel=1e-4)


def test_refits_are_the_ladders_without_each_rung() -> None:
    grid, ladder = ladder_of(World(families=1, widths=9))
    both = ladders(grid, np.isfinite(grid.y[0, ..., 0]), np.arange(1), SETTINGS)
    assert both.capability is not None
    assert both.capability_refits is not None
    assert np.array_equal(both.capability.terms, ladder.terms)
    assert both.capability_refits.shape == (9, 2, 1)
    assert (both.capability_refits[:, 1] != 0).all() == ladder.curved[0]
    assert both.capability_refits.mean(0) == pytest.approx(ladder.terms, rel=0.1)


def test_natural_basis_spans_the_natural_cubic_spline() -> None:
    knots = np.array([0.0, 1.0, 3.0])
    x = np.linspace(-2, 5, 200)
    basis = natural_basis(x, knots)
    for outside in (x < 0, x > 3):
        assert np.abs(np.diff(basis[outside], n=2, axis=0)).max() < 1e-12
    # Second derivative: 0 at the ends, one peak at the middle knot, straight between the knots.
    second = np.diff(basis[:, 1], n=2)
    assert x[1:-1][second.argmax()] == pytest.approx(1.0, abs=0.05)


def test_weighted_fit_agrees_with_statsmodels() -> None:
    rng = np.random.default_rng(0)
    design, y, weights = rng.standard_normal((9, 3)), rng.standard_normal((9, 2)), rng.random((4, 9)) + 0.1
    found = weighted_fit(design, y, weights)
    for draw in range(4):
        for m in range(2):
            wanted = sm.WLS(y[:, m], design, weights=weights[draw]).fit().params
            assert found[draw, :, m] == pytest.approx(wanted, rel=1e-5)


@pytest.mark.parametrize("true_share", [0.0, 1.0])
def test_the_noise_of_capability_does_not_flatten_the_slope(true_share: float) -> None:
    world = replace(World(), capability_spread=0.8, true_share=true_share, measurements=1, model_spread=0.0)
    slopes = [slope(ladder_of(world, seed)[1]) for seed in range(60)]
    assert np.mean(slopes) == pytest.approx(world.slope, abs=0.025)


def test_uncorrected_slopes_are_too_flat() -> None:
    world = replace(World(), capability_spread=0.8, true_share=0.0, model_spread=0.0)
    found = []
    for seed in range(60):
        results, scores = simulated_study(world, np.random.default_rng(seed))
        settings = AuditSettings(reliability=1.0)
        grid = grids(results, scores, settings)[0]
        ladder = capability_ladder(grid, np.isfinite(grid.y[0, ..., 0]), np.arange(1), settings)
        assert ladder is not None
        found.append(slope(ladder))
    assert np.mean(found) < world.slope - 0.04


def test_too_few_rungs_make_no_ladder() -> None:
    results, scores = simulated_study(World(families=1, widths=4), np.random.default_rng(0))
    grid = grids(results, scores, SETTINGS)[0]
    assert capability_ladder(grid, np.isfinite(grid.y[0, ..., 0]), np.arange(1), SETTINGS) is None


def test_knots_and_range_of_evenly_spaced_rungs() -> None:
    """Knots at .1, .5 and .9 of the rungs; claims reach a twentieth of the range beyond the outer rungs."""
    _, ladder = ladder_of(replace(QUIET, families=1, widths=11, seeds=1))
    low, width = ladder.x.min(), np.ptp(ladder.x)
    assert ladder.knots == pytest.approx(low + width * np.array([0.1, 0.5, 0.9]))
    assert ladder.lower == pytest.approx(low - 0.05 * width)
    assert ladder.upper == pytest.approx(low + 1.05 * width)


def test_a_tenth_of_straight_lines_is_taken_for_curves() -> None:
    world = replace(QUIET, families=1, widths=80, seeds=1, doublings=0.1, measurements=600, seed_spread=0.1)
    _, ladder = ladder_of(world)
    assert np.mean(ladder.curved) == pytest.approx(0.1, abs=0.045)


@pytest.mark.parametrize(("given", "used"), [(0.4, 0.4), (0.2, 0.3)])
def test_the_score_is_shrunk_by_its_reliability_but_not_below_three_tenths(given: float, used: float) -> None:
    results, scores = simulated_study(replace(QUIET, families=1, widths=9, seeds=1), np.random.default_rng(0))
    settings = AuditSettings(reliability=given)
    grid = grids(results, scores, settings)[0]
    ladder = capability_ladder(grid, np.isfinite(grid.y[0, ..., 0]), np.arange(1), settings)
    assert ladder is not None
    assert ladder.reliability == pytest.approx(used)
    assert np.ptp(ladder.calibrated) == pytest.approx(used * np.ptp(ladder.x))


def test_the_band_is_that_of_the_mean_at_95_percent() -> None:
    """Against a regression's own band, over twenty noisy lines."""
    world = replace(QUIET, families=1, widths=60, seeds=1, doublings=0.1, measurements=20, seed_spread=0.1)
    grid, ladder = ladder_of(world)
    ladder = replace(ladder, p_curved=np.ones(20))
    weights = dirichlet_weights(60, 500, np.random.default_rng(0))
    drawn = curve_frame(ladder, grid, np.arange(20), weights, points=9)
    found, wanted = [], []
    for m in range(20):
        of_line = drawn.filter(measurement=grid.measurements["measurement"][m])
        fit = sm.OLS(ladder.y[:, m], sm.add_constant(ladder.x)).fit()
        ends = fit.get_prediction(sm.add_constant(of_line["capability"].to_numpy())).conf_int(alpha=0.05)
        assert of_line["safety"].to_numpy() == pytest.approx(ends.mean(axis=1), abs=1e-6)
        found.append((of_line["upper"] - of_line["lower"]).to_numpy().mean())
        wanted.append((ends[:, 1] - ends[:, 0]).mean())
    assert np.mean(found) == pytest.approx(np.mean(wanted), rel=0.1)


def test_coefficients_without_a_group_are_those_of_the_other_rungs() -> None:
    rng = np.random.default_rng(0)
    x, groups = rng.normal(size=30), np.repeat(np.arange(5), 6)
    y = np.column_stack([2 * x + groups, x**2]) + rng.normal(scale=0.1, size=(30, 2))
    knots = np.quantile(x, [0.1, 0.5, 0.9])
    found = Ladder(np.arange(30), groups, x, x, y, knots, 1.0, np.array([0.9, 0.01]), 0.1)
    weights = np.concatenate([np.ones((1, 30)), (groups != np.arange(5)[:, None]).astype(float)])
    assert coefficients_without(found, groups)[:, -2:] == pytest.approx(coefficients(found, weights)[:, -2:], abs=1e-7)
