"""The ladder: how safety goes with capability over scale when nothing but scale changes, fitted on the baseline's
models.

One point per model (mean over seeds), an intercept per family, and a line or a natural cubic spline with three knots.
A mean over a few seeds is a noisy capability, so a plain fit is too flat and a capable method would seem safer than
it is. The spread over seeds gives the noise of both means and their covariance; the covariance is taken out of y and
the capability is shrunk to its expectation given the noise (regression calibration, Carroll et al. 2006). Dividing by
the reliability alone would steepen the ladder where seeds differ in true capability; taking the covariance out as
well is right in both cases.

Measured on simulated methods that add half a unit of capability and nothing else (12 models in 4 families, 2 seeds,
SD over seeds half a unit; 800 claims each, margin 0.11). Noise in the score: the mean D is -0.005, uncorrected +0.023.
True differences between seeds: 0.000, with the reliability alone -0.029. Families 0.4 apart: standard error of D 0.056,
with one intercept for all 0.098.
"""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import polars as pl
from scipy import stats

from analysis.audit.grid import Bools, Grid, Ints
from analysis.audit.settings import AuditSettings
from analysis.scales import Floats

LEAST_RELIABILITY = 0.3  # shrinking further would multiply the slope more than threefold


@dataclass(frozen=True)
class Ladder:
    """The rungs (baseline models), their mean x and y, and which measurements bend."""

    rungs: Ints
    groups: Ints  # [rung], the intercept it shares
    x: Floats  # [rung], mean over seeds as observed
    calibrated: Floats  # [rung], x shrunk for its noise
    y: Floats  # [rung, measurement], less what the noise of x adds
    knots: Floats  # three
    reliability: float  # of the means in x, within groups
    p_curved: Floats  # [measurement]
    curve_level: float

    @property
    def curved(self) -> Bools:
        """Which measurements get the spline."""
        return np.asarray(self.p_curved < self.curve_level)

    @cached_property
    def terms(self) -> Floats:
        """What the spline's two terms count for [2, measurement], the bend's 0 where the line was chosen."""
        return coefficients(self, np.ones((1, len(self.rungs))))[0, -2:]

    @property
    def lower(self) -> float:
        """The least x with a rung, less a twentieth of the range: below it nothing is claimed."""
        return float(self.x.min() - 0.05 * np.ptp(self.x))

    @property
    def upper(self) -> float:
        """The largest x with a rung, plus a twentieth of the range."""
        return float(self.x.max() + 0.05 * np.ptp(self.x))


@dataclass(frozen=True)
class Ladders:
    """Safety over capability, and over training FLOPs with the score as the last measurement, each with its terms
    refitted without each rung [rung, 2, measurement]; None where there are too few rungs.
    """

    capability: Ladder | None
    compute: Ladder | None
    capability_refits: Floats | None
    compute_refits: Floats | None


def ladders(grid: Grid, usable: Bools, columns: Ints, settings: AuditSettings) -> Ladders:
    """Both ladders of the baseline's usable runs [model, seed]. A refit keeps the knots, the families with an intercept
    of their own and the choice of line or curve; it calibrates anew.
    """
    capability = capability_ladder(grid, usable, columns, settings)
    compute = compute_ladder(grid, usable, columns, settings)
    raw = _ladder(grid.capability[0], grid, usable, columns, settings)
    refits, compute_refits = None, None
    if capability is not None and raw is not None:
        parts = [_calibrated(part, grid, usable, columns, settings) for part in _left_out(raw)]
        refits = np.stack([replace(part, p_curved=capability.p_curved).terms for part in parts])
    if compute is not None:
        compute_refits = np.stack([part.terms for part in _left_out(compute)])
    return Ladders(capability, compute, refits, compute_refits)


def _left_out(ladder: Ladder) -> list[Ladder]:
    """The ladder without each of its rungs."""
    names = ("rungs", "groups", "x", "calibrated", "y")
    kept = [np.arange(len(ladder.rungs)) != k for k in range(len(ladder.rungs))]
    return [replace(ladder, **{name: getattr(ladder, name)[keep] for name in names}) for keep in kept]


def capability_ladder(grid: Grid, usable: Bools, columns: Ints, settings: AuditSettings) -> Ladder | None:
    """Safety over capability on the baseline's usable runs [model, seed]; None where fewer models than `min_rungs`
    have one.
    """
    ladder = _ladder(grid.capability[0], grid, usable, columns, settings)
    if ladder is None:
        return None
    return _with_curvature(_calibrated(ladder, grid, usable, columns, settings))


def compute_ladder(grid: Grid, usable: Bools, columns: Ints, settings: AuditSettings) -> Ladder | None:
    """Safety, and the capability score as the last measurement, over log2 of the training FLOPs; FLOPs have no
    noise.
    """
    known = usable & np.isfinite(grid.flops[0])
    ladder = _ladder(grid.flops[0], grid, known, columns, settings)
    if ladder is None:
        return None
    score = _means(grid.capability[0][ladder.rungs], known[ladder.rungs])
    y = np.column_stack([ladder.y, score])
    return _with_curvature(replace(ladder, y=y, p_curved=np.ones(y.shape[1])))


def natural_basis(x: Floats, knots: Floats) -> Floats:
    """The natural cubic spline's two terms [..., 2]: x itself, and the bend, which is linear outside the knots
    (Harrell 2015).
    """
    low, middle, high = knots
    width = high - low
    cubes = [np.maximum(x - knot, 0.0) ** 3 for knot in knots]
    bend = cubes[0] - cubes[1] * (high - low) / (high - middle) + cubes[2] * (middle - low) / (high - middle)
    return np.stack([(x - middle) / width, bend / width**3], axis=-1)


def coefficients(ladder: Ladder, weights: Floats) -> Floats:
    """Weighted least-squares coefficients [draw, intercepts + 2, measurement], the bend's 0 where the line was
    chosen. weights: [draw, rung].
    """
    design = _design(ladder)
    bent = weighted_fit(design, ladder.y, weights)
    line = weighted_fit(design[:, :-1], ladder.y, weights)
    line = np.concatenate([line, np.zeros_like(line[:, :1])], axis=1)
    return np.where(ladder.curved, bent, line)


def coefficients_without(ladder: Ladder, groups: Ints) -> Floats:
    """Least-squares coefficients of all rungs, then without those of each group in order
    [1 + group, intercepts + 2, measurement]. groups: [rung], numbers from 0.
    """
    design = _design(ladder)
    bent = _fits_without(design, ladder.y, groups)
    line = _fits_without(design[:, :-1], ladder.y, groups)
    return np.where(ladder.curved, bent, np.concatenate([line, np.zeros_like(line[:, :1])], axis=1))


def curve_frame(ladder: Ladder, grid: Grid, columns: Ints, weights: Floats, points: int = 40) -> pl.DataFrame:
    """The ladder drawn: domain, dataset, measurement, capability, safety, lower and upper 95 % band (over models),
    curved, p_curved.
    """
    at = np.linspace(ladder.x.min(), ladder.x.max(), points)
    share = np.bincount(ladder.groups) / len(ladder.groups)
    basis = np.concatenate([np.tile(share, (points, 1)), natural_basis(at, ladder.knots)], axis=1)
    best = np.einsum("tp,pm->tm", basis, coefficients(ladder, np.ones((1, len(ladder.rungs))))[0])
    drawn = np.einsum("tp,bpm->btm", basis, coefficients(ladder, weights[: min(len(weights), 500)]))
    low, high = np.quantile(drawn, [0.025, 0.975], axis=0)
    frames = [
        pl.DataFrame({"capability": at, "safety": best[:, m], "lower": low[:, m], "upper": high[:, m]}).select(
            pl.lit(grid.domain).alias("domain"),
            pl.lit(grid.dataset).alias("dataset"),
            pl.lit(grid.measurements["measurement"][int(column)]).alias("measurement"),
            pl.all(),
            pl.lit(bool(ladder.curved[m])).alias("curved"),
            pl.lit(float(ladder.p_curved[m])).alias("p_curved"),
            pl.lit(ladder.reliability).alias("reliability"),
        )
        for m, column in enumerate(columns)
    ]
    return pl.concat(frames)


def _ladder(x_runs: Floats, grid: Grid, usable: Bools, columns: Ints, settings: AuditSettings) -> Ladder | None:
    rungs = np.flatnonzero(usable.any(1))
    if len(rungs) < settings.min_rungs:
        return None
    x = _means(x_runs[rungs], usable[rungs])
    y = _means(grid.y[0][rungs][..., columns], usable[rungs])
    _, groups = np.unique(grid.families[rungs], return_inverse=True)
    if np.bincount(groups).min() < 2 or len(rungs) - groups.max() - 1 < 5:
        groups = np.zeros_like(groups)
    knots = np.quantile(x, [0.1, 0.5, 0.9])
    if np.diff(knots).min() <= 1e-9 * max(np.ptp(x), 1e-12):
        return None
    return Ladder(rungs, groups, x, x, y, knots, 1.0, np.ones(y.shape[1]), settings.curve_level)


def _calibrated(ladder: Ladder, grid: Grid, usable: Bools, columns: Ints, settings: AuditSettings) -> Ladder:
    keep = usable[ladder.rungs]
    counts = keep.sum(1)
    score = np.where(keep, grid.capability[0][ladder.rungs] - ladder.x[:, None], 0.0)
    safety = np.where(keep[..., None], grid.y[0][ladder.rungs][..., columns] - ladder.y[:, None], 0.0)
    centres = np.bincount(ladder.groups, ladder.x) / np.bincount(ladder.groups)
    away = ladder.x - centres[ladder.groups]
    between = float((away**2).sum() / (len(away) - len(centres)))
    df = int((counts - 1).sum())
    if settings.reliability is not None:
        noise, shared = (1 - settings.reliability) * between, np.zeros(ladder.y.shape[1])
    elif df == 0:
        return ladder
    else:
        noise, shared = float((score**2).sum() / df), np.einsum("ks,ksm->m", score, safety) / df
    share = float(np.mean(1 / counts))
    reliability = float(np.clip(1 - noise * share / between, LEAST_RELIABILITY, 1.0))
    y = ladder.y - np.outer(away, shared * share / between)
    return replace(ladder, calibrated=centres[ladder.groups] + reliability * away, y=y, reliability=reliability)


def _with_curvature(ladder: Ladder) -> Ladder:
    design = _design(ladder)
    size, terms = design.shape
    if size - terms < 3:
        return ladder
    once = np.ones((1, size))
    squares = [
        ((ladder.y - part @ weighted_fit(part, ladder.y, once)[0]) ** 2).sum(0) for part in (design[:, :-1], design)
    ]
    ratio = np.maximum(squares[0] - squares[1], 0.0) / np.maximum(squares[1] / (size - terms), 1e-12)
    return replace(ladder, p_curved=stats.f.sf(ratio, 1, size - terms))


def _design(ladder: Ladder) -> Floats:
    intercepts = (ladder.groups[:, None] == np.arange(ladder.groups.max() + 1)).astype(float)
    return np.concatenate([intercepts, natural_basis(ladder.calibrated, ladder.knots)], axis=1)


def weighted_fit(design: Floats, y: Floats, weights: Floats) -> Floats:
    """Least-squares coefficients [draw, term, measurement] under weights [draw, point]; a ridge of 1e-9 keeps every
    draw solvable.
    """
    weighted = weights[:, :, None] * design
    gram = np.einsum("bkp,kq->bpq", weighted, design)
    gram += 1e-9 * np.trace(gram, axis1=1, axis2=2)[:, None, None] * np.eye(design.shape[1])
    return np.linalg.solve(gram, np.einsum("bkp,km->bpm", weighted, y))


def _fits_without(design: Floats, y: Floats, groups: Ints) -> Floats:
    """Least-squares coefficients [1 + group, term, measurement] by the sums of the whole less those of a group, with
    the ridge of `weighted_fit`.
    """
    parts = [groups == group for group in range(int(groups.max()) + 1)]
    grams = np.stack([design[part].T @ design[part] for part in parts])
    moments = np.stack([design[part].T @ y[part] for part in parts])
    gram = np.concatenate([grams.sum(0)[None], grams.sum(0) - grams])
    gram += 1e-9 * np.trace(gram, axis1=1, axis2=2)[:, None, None] * np.eye(design.shape[1])
    return np.linalg.solve(gram, np.concatenate([moments.sum(0)[None], moments.sum(0) - moments]))


def _means(values: Floats, keep: Bools) -> Floats:
    mask = keep.reshape(keep.shape + (1,) * (values.ndim - 2))
    return np.asarray(np.where(mask, values, 0.0).sum(1) / mask.sum(1))
