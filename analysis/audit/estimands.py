"""What a method does to a measurement: T (total), E (on capability) and D (beyond what E explains), each with its
bootstrap draws.

T = mean of y_method - y_baseline, E = mean of C_method - C_baseline, D = T - mean of f(C_method) - f(C_baseline),
over runs paired by model and seed; every model counts alike. What the draws resample: models within families, the
same weights in the pairs and in the ladder, where at least `min_models` models have pairs; a model's mean then
carries its seeds' noise, and resampling seeds inside models too would count it twice. With fewer models: the pairs
within models, and the rungs of the ladder independently. Test examples, which all runs share: the same draws for all
runs and measurements, the capability score's too (see `examples`). Families, data sets and tuning are fixed.
"""

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from analysis.audit.examples import shared_noise, unit_deviations
from analysis.audit.grid import Bools, Grid, Ints
from analysis.audit.ladder import Ladder, coefficients, natural_basis
from analysis.audit.settings import AuditSettings
from analysis.audit.weights import stratified_weights
from analysis.scales import Floats

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
    deviations: Floats | None  # [unit, measurement, then capability, draw of the test examples]
    seed_share: Floats  # [measurement], of the variance of a unit's gain: what more seeds would shrink

    def keep(self, mask: Bools) -> "Units":
        """The units in the mask; pairs are counted in proportion."""
        pairs = round(self.pairs * mask.mean()) if len(mask) else 0
        rows = (self.models[mask], pairs, self.gain[mask], self.score[mask], self.base[mask], self.flops[mask])
        moved = None if self.deviations is None else self.deviations[mask]
        return Units(self.kind, *rows, self.example_error, moved, self.seed_share)


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
    moved = unit_deviations(grid, method, both, columns)
    if len(np.unique(models)) >= settings.min_models:
        found = np.unique(models)
        means = [np.stack([part[k][both[k]].mean(0) for k in found]) for part in parts]
        if moved is not None:
            moved = np.stack([moved[models == k].mean(0) for k in found])
        share = _seed_share([gain[k][both[k]] for k in found])
        return Units("model", found, len(models), means[0], means[1], means[2], means[3], error, moved, share)
    single = [part[models, seeds] for part in parts]
    whole = np.ones(len(columns))
    return Units("pair", models, len(models), single[0], single[1], single[2], single[3], error, moved, whole)


def _seed_share(gains: list[Floats]) -> Floats:
    """Of the variance of the models' mean gains, the share that comes from their seeds [measurement], 1 where models
    differ no more than that; 0 where fewer than three models have several. gains: per model [pair, measurement].
    """
    several = [gain for gain in gains if len(gain) > 1]
    if len(several) < 3:
        return np.zeros(gains[0].shape[1])
    within = np.mean([gain.var(0, ddof=1) / len(gain) for gain in several], axis=0)
    over = np.var([gain.mean(0) for gain in several], axis=0, ddof=1)
    return np.asarray(np.minimum(within / np.maximum(over, 1e-300), 1.0))


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
    noise = _example_noise(units, len(weights), settings, rng)
    once = np.ones((1, len(units.models)))
    point = _point(units, once, None if shift is None else shift[0])
    drawn = _point(units, own, None if shift is None else shift[1])
    beyond, in_range = _beyond(units, ladder, weights, own, shift, settings.min_pairs)
    name = "epochs" if compute is None else "flops"
    explained = np.outer(noise[:, -1], _slope(units, ladder))
    draws = (drawn[0] + noise[:, :-1], drawn[1] + noise[:, -1], beyond[1] + noise[:, :-1] - explained)
    return Estimate(name, units, df, in_range, point[0][0], float(point[1][0]), beyond[0][0], *draws)


def _example_noise(units: Units, draws: int, settings: AuditSettings, rng: Generator) -> Floats:
    """Draws [draw, measurement, then capability] of the noise of the test examples that all runs share."""
    if units.deviations is not None:
        return shared_noise(units.deviations, draws, rng)
    size = np.append(np.sqrt(settings.example_share) * units.example_error, 0.0)
    return np.asarray(rng.standard_normal((draws, len(size))) * size)


def _slope(units: Units, ladder: Ladder | None) -> Floats:
    """The ladder's slope at the units' mean capability, [measurement]; 0 without a ladder."""
    if ladder is None:
        return np.zeros(units.gain.shape[1])
    step = np.array([-0.5, 0.5]) * 1e-3 * (ladder.knots[2] - ladder.knots[0])
    ends = natural_basis((units.score.mean() + units.base.mean()) / 2 + step, ladder.knots)
    rise = (ends[1] - ends[0]) / (step[1] - step[0])
    return np.asarray(rise @ coefficients(ladder, np.ones((1, len(ladder.rungs))))[0, -2:])


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
