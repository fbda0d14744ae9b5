"""What a method does to a measurement: T (total), E (on capability) and D (beyond what E explains), each with its
bootstrap draws.

T = mean of y_method - y_baseline, E = mean of C_method - C_baseline, D = T - mean of f(C_method) - f(C_baseline),
over runs paired by model and seed; every model counts alike. What the draws resample: models within families, the
same weights in the pairs and in the ladder, where at least `min_models` models have pairs; a model's mean then
carries its seeds' noise, and resampling seeds inside models too would count it twice. With fewer models: the pairs
within models, and the rungs of the ladder independently. Test examples: one common draw a measurement, as large as
`example_share` of the stored standard errors, since all runs share the test set and the rest of that noise already
differs between runs. The capability score's own test examples are not resampled. Families, data sets and tuning are
fixed.
"""

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from analysis.audit.grid import Bools, Grid, Ints
from analysis.audit.ladder import Ladder, coefficients, natural_basis
from analysis.audit.settings import AuditSettings
from analysis.audit.transform import Floats
from analysis.audit.weights import stratified_weights

SAME_COMPUTE = 0.02  # log2: methods this close to the baseline's FLOPs are matched on them already


@dataclass(frozen=True)
class Units:
    """What is averaged and resampled: models, or pairs of runs where there are few models."""

    kind: str  # model or pair
    models: Ints  # [unit]
    pairs: int
    gain: Floats  # [unit, measurement], y_method - y_baseline
    score: Floats  # [unit], C of the method
    base: Floats  # [unit], C of the baseline
    flops: Floats  # [unit, 2], log2, method and baseline
    example_error: Floats  # [measurement], of one pair's difference were the two runs' test examples independent

    def keep(self, mask: Bools) -> "Units":
        """The units in the mask; pairs are counted in proportion."""
        pairs = round(self.pairs * mask.mean()) if len(mask) else 0
        rows = (self.models[mask], pairs, self.gain[mask], self.score[mask], self.base[mask], self.flops[mask])
        return Units(self.kind, *rows, self.example_error)


@dataclass(frozen=True)
class Estimate:
    """Estimands of one method on some measurements: points, draws, and what they rest on. D is NaN without a ladder
    or outside its range.
    """

    match: str
    units: Units
    df: int
    in_range: int  # units whose two capabilities the ladder covers
    total: Floats  # T [measurement]
    capability: float  # E
    beyond: Floats  # D [measurement]
    total_draws: Floats  # [draw, measurement]
    capability_draws: Floats  # [draw]
    beyond_draws: Floats  # [draw, measurement]


def paired_units(grid: Grid, method: int, usable: Bools, columns: Ints, settings: AuditSettings) -> Units:
    """The method's pairs with the baseline, as models where enough have pairs, else as single pairs. usable: [method,
    model, seed].
    """
    both = usable[method] & usable[0]
    gain = (grid.y[method] - grid.y[0])[..., columns]
    flops = np.stack([grid.flops[method], grid.flops[0]], axis=-1)
    variance = (grid.error[method] ** 2 + grid.error[0] ** 2)[..., columns][both]
    error = np.sqrt(variance.mean(0)) if len(variance) else np.zeros(len(columns))
    models, seeds = np.nonzero(both)
    parts = (gain, grid.capability[method], grid.capability[0], flops)
    if len(np.unique(models)) >= settings.min_models:
        found = np.unique(models)
        means = [np.stack([part[k][both[k]].mean(0) for k in found]) for part in parts]
        return Units("model", found, len(models), means[0], means[1], means[2], means[3], error)
    single = [part[models, seeds] for part in parts]
    return Units("pair", models, len(models), single[0], single[1], single[2], single[3], error)


def estimate(
    grid: Grid,
    units: Units,
    ladder: Ladder | None,
    weights: Floats,
    settings: AuditSettings,
    rng: Generator,
    compute: Ladder | None = None,
) -> Estimate | None:
    """T, E and D at equal epochs, or at equal training FLOPs where `compute` is given; None where too few units are
    left to resample.

    weights: [draw, model]. At equal FLOPs the baseline is moved along its own curve over FLOPs, within its family's
    range of FLOPs only.
    """
    shift: tuple[Floats, Floats] | None = None
    if compute is not None:
        units = units.keep(_covered_flops(units, compute, grid))
        if not len(units.models) or np.abs(units.flops[:, 0] - units.flops[:, 1]).max() < SAME_COMPUTE:
            return None
        shift = _baseline_shift(units, compute, weights)
    if len(units.models) < settings.min_pairs:
        return None
    own, df = _unit_weights(units, grid, weights, rng)
    if df < 2:
        return None
    noise = (
        rng.standard_normal((len(weights), units.gain.shape[1])) * np.sqrt(settings.example_share) * units.example_error
    )
    once = np.ones((1, len(units.models)))
    point = _point(units, once, None if shift is None else shift[0])
    drawn = _point(units, own, None if shift is None else shift[1])
    beyond, in_range = _beyond(units, ladder, weights, own, shift, settings.min_pairs)
    name = "epochs" if compute is None else "flops"
    draws = (drawn[0] + noise, drawn[1], beyond[1] + noise)
    return Estimate(name, units, df, in_range, point[0][0], float(point[1][0]), beyond[0][0], *draws)


def _point(units: Units, own: Floats, shift: Floats | None) -> tuple[Floats, Floats]:
    share = own / own.sum(1, keepdims=True)
    total, capability = share @ units.gain, share @ (units.score - units.base)
    if shift is not None:
        total = total - np.einsum("bu,bum->bm", share, shift[..., :-1])
        capability = capability - np.einsum("bu,bu->b", share, shift[..., -1])
    return total, capability


def _beyond(
    units: Units, ladder: Ladder | None, weights: Floats, own: Floats, shift: tuple[Floats, Floats] | None, least: int
) -> tuple[tuple[Floats, Floats], int]:
    """D as (point [1, measurement], draws), and how many units the ladder covers."""
    columns = units.gain.shape[1]
    nothing = np.full((1, columns), np.nan), np.full((len(own), columns), np.nan)
    if ladder is None:
        return nothing, 0
    base = units.base if shift is None else units.base + shift[0][0, :, -1]
    # The midpoint's noise is independent of the difference's: picking units by it doesn't pick lucky ones, as C would.
    middle, half = (units.score + base) / 2, abs(float((units.score - base).mean())) / 2
    covered = (middle - half >= ladder.lower) & (middle + half <= ladder.upper)
    centre = float(units.score.mean())
    if covered.sum() < max(least, len(covered) / 2) or not ladder.lower <= centre <= ladder.upper:
        return nothing, int(covered.sum())
    inside = units.keep(covered)
    rungs = weights[:, ladder.rungs]
    point = _residual(
        inside, ladder, np.ones((1, len(ladder.rungs))), np.ones((1, int(covered.sum()))), _part(shift, 0, covered)
    )
    draws = _residual(inside, ladder, rungs, own[:, covered], _part(shift, 1, covered))
    return (point, draws), int(covered.sum())


def _residual(units: Units, ladder: Ladder, rungs: Floats, own: Floats, shift: Floats | None) -> Floats:
    share = own / own.sum(1, keepdims=True)
    total, _ = _point(units, own, shift)
    base = units.base[None] if shift is None else units.base + shift[..., -1]
    step = natural_basis(units.score, ladder.knots)[None] - natural_basis(base, ladder.knots)
    explained = np.einsum("bu,bup->bp", share, np.broadcast_to(step, (*share.shape, 2)))
    return np.asarray(total - np.einsum("bp,bpm->bm", explained, coefficients(ladder, rungs)[:, -2:]))


def _part(shift: tuple[Floats, Floats] | None, which: int, mask: Bools) -> Floats | None:
    return None if shift is None else shift[which][:, mask]


def _unit_weights(units: Units, grid: Grid, weights: Floats, rng: Generator) -> tuple[Floats, int]:
    if units.kind == "pair":
        return stratified_weights(units.models, len(weights), rng)
    families = np.unique(grid.families[units.models], return_counts=True)[1]
    strata = len(families) if np.bincount(grid.families).min() >= 3 else 1
    return weights[:, units.models], len(units.models) - strata


def _covered_flops(units: Units, compute: Ladder, grid: Grid) -> Bools:
    own, rungs = grid.families[units.models], grid.families[compute.rungs]
    slack = 0.05 * np.ptp(compute.x)
    top = np.array([compute.x[rungs == family].max(initial=-np.inf) for family in own])
    low = np.array([compute.x[rungs == family].min(initial=np.inf) for family in own])
    flops = units.flops[:, 0]
    return np.asarray((flops <= top + slack) & (flops >= low - slack))


def _baseline_shift(units: Units, compute: Ladder, weights: Floats) -> tuple[Floats, Floats]:
    """What the method's FLOPs would have brought the baseline: [1 or draw, unit, measurement, then capability]."""
    step = natural_basis(units.flops[:, 0], compute.knots) - natural_basis(units.flops[:, 1], compute.knots)
    point = coefficients(compute, np.ones((1, len(compute.rungs))))[:, -2:]
    drawn = coefficients(compute, weights[:, compute.rungs])[:, -2:]
    return np.einsum("up,bpm->bum", step, point), np.einsum("up,bpm->bum", step, drawn)
