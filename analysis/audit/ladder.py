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

from analysis.audit.fitting import fits_without, natural_basis, weighted_fit
from analysis.audit.grid import Bools, Grid, Ints, masked_means
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
    raw = _ladder(grid.capability[0], grid, usable, columns, settings)
    compute = compute_ladder(grid, usable, columns, settings)
    capability, refits, compute_refits = None, None, None
    if raw is not None:
        capability = _with_curvature(_calibrated(raw, grid, usable, columns, settings))
        without = 1 - np.eye(len(raw.rungs))
        x, y, _ = _calibrations(raw, grid, usable, columns, settings, without)
        refits = _fits(capability, x, y, without)[:, -2:]
    if compute is not None:
        compute_refits = coefficients(compute, 1 - np.eye(len(compute.rungs)))[:, -2:]
    return Ladders(capability, compute, refits, compute_refits)


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
    score = masked_means(grid.capability[0][ladder.rungs], known[ladder.rungs])
    y = np.column_stack([ladder.y, score])
    return _with_curvature(replace(ladder, y=y, p_curved=np.ones(y.shape[1])))


def coefficients(ladder: Ladder, weights: Floats) -> Floats:
    """Weighted least-squares coefficients [draw, intercepts + 2, measurement], the bend's 0 where the line was
    chosen. weights: [draw, rung].
    """
    return _fits(ladder, ladder.calibrated, ladder.y, weights)


def coefficients_without(ladder: Ladder, groups: Ints) -> Floats:
    """Least-squares coefficients of all rungs, then without those of each group in order
    [1 + group, intercepts + 2, measurement]. groups: [rung], numbers from 0.
    """
    design = _design(ladder, ladder.calibrated)
    bent = fits_without(design, ladder.y, groups)
    line = fits_without(design[:, :-1], ladder.y, groups)
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
    x = masked_means(x_runs[rungs], usable[rungs])
    y = masked_means(grid.y[0][rungs][..., columns], usable[rungs])
    _, groups = np.unique(grid.families[rungs], return_inverse=True)
    if np.bincount(groups).min() < 2 or len(rungs) - groups.max() - 1 < 5:
        groups = np.zeros_like(groups)
    knots = np.quantile(x, [0.1, 0.5, 0.9])
    if np.diff(knots).min() <= 1e-9 * max(np.ptp(x), 1e-12):
        return None
    return Ladder(rungs, groups, x, x, y, knots, 1.0, np.ones(y.shape[1]), settings.curve_level)


def _calibrated(ladder: Ladder, grid: Grid, usable: Bools, columns: Ints, settings: AuditSettings) -> Ladder:
    everything = np.ones((1, len(ladder.rungs)))
    x, y, reliability = _calibrations(ladder, grid, usable, columns, settings, everything)
    return replace(ladder, calibrated=x[0], y=y[0], reliability=float(reliability[0]))


def _calibrations(
    ladder: Ladder, grid: Grid, usable: Bools, columns: Ints, settings: AuditSettings, kept: Floats
) -> tuple[Floats, Floats, Floats]:
    """Of a raw ladder's rungs that are kept [fit, rung], 0 or 1: x [fit, rung] shrunk for its noise, y [fit, rung,
    measurement] less what that adds, and the reliability [fit]. What they say of a rung that is not kept says nothing.
    """
    keep = usable[ladder.rungs]
    counts, members = keep.sum(1), ladder.groups[:, None] == np.arange(ladder.groups.max() + 1)
    rungs = kept.sum(1)
    centres = (kept * ladder.x) @ members / (kept @ members)
    away = ladder.x - centres[:, ladder.groups]
    between = (kept * away**2).sum(1) / (rungs - members.shape[1])
    df = kept @ (counts - 1)
    share = kept @ (1 / counts) / rungs
    if settings.reliability is not None:  # of one run; that of the means is then Spearman and Brown's
        of_one = settings.reliability
        noise = (1 - of_one) * between / (of_one + (1 - of_one) * share)
        shared = np.zeros((len(kept), ladder.y.shape[1]))
    else:
        score = np.where(keep, grid.capability[0][ladder.rungs] - ladder.x[:, None], 0.0)
        safety = np.where(keep[..., None], grid.y[0][ladder.rungs][..., columns] - ladder.y[:, None], 0.0)
        known = np.maximum(df, 1)  # without several seeds there is no noise to be seen: all sums are 0
        noise = kept @ (score**2).sum(1) / known
        shared = kept @ np.einsum("ks,ksm->km", score, safety) / known[:, None]
    reliability = np.clip(1 - noise * share / between, LEAST_RELIABILITY, 1.0)
    y = ladder.y - away[..., None] * (shared * (share / between)[:, None])[:, None]
    return centres[:, ladder.groups] + reliability[:, None] * away, y, reliability


def _fits(ladder: Ladder, x: Floats, y: Floats, weights: Floats) -> Floats:
    """Weighted least-squares coefficients [fit, intercepts + 2, measurement] on x [rung] or [fit, rung] and y [rung,
    measurement] or [fit, rung, measurement], with the ladder's groups, knots and choice of line or curve.
    """
    design = _design(ladder, x)
    bent, line = weighted_fit(design, y, weights), weighted_fit(design[..., :-1], y, weights)
    return np.where(ladder.curved, bent, np.concatenate([line, np.zeros_like(line[:, :1])], axis=1))


def _with_curvature(ladder: Ladder) -> Ladder:
    design = _design(ladder, ladder.calibrated)
    size, terms = design.shape
    if size - terms < 3:
        return ladder
    once = np.ones((1, size))
    squares = [
        ((ladder.y - part @ weighted_fit(part, ladder.y, once)[0]) ** 2).sum(0) for part in (design[:, :-1], design)
    ]
    ratio = np.maximum(squares[0] - squares[1], 0.0) / np.maximum(squares[1] / (size - terms), 1e-12)
    return replace(ladder, p_curved=stats.f.sf(ratio, 1, size - terms))


def _design(ladder: Ladder, x: Floats) -> Floats:
    """[..., rung, intercepts + 2] at x [..., rung]."""
    basis = natural_basis(x, ladder.knots)
    intercepts = (ladder.groups[:, None] == np.arange(ladder.groups.max() + 1)).astype(float)
    return np.concatenate([np.broadcast_to(intercepts, (*x.shape, intercepts.shape[1])), basis], axis=-1)
