"""Where a jump is, how large and how sharp."""

from dataclasses import dataclass

import numpy as np
from scipy import stats

from analysis.jumps.comparison import Comparison, Fit
from analysis.jumps.families import JUMP_SPACING, LOGISTIC, STEP, Array, Grid

FINE = 401  # positions at which a fitted curve is measured
WINDOW = 0.2  # of the range, within which a sharp curve does most of its change
CONFIDENCE = 0.9


@dataclass(frozen=True)
class Jump:
    """The jump family's fit: change point and its 90 % interval in x; amplitude (signed, in the unit of y) with
    standard error and 90 % interval; sharpness, the largest share of the total change within a fifth of the range, in
    [0, 1]; the share of a step that sits on a trend, and the midpoint and 10-90 % width, in x, of the best logistic
    of any width.
    """

    change_point: float
    change_low: float
    change_high: float
    amplitude: float
    amplitude_error: float
    amplitude_low: float
    amplitude_high: float
    sharpness: float
    on_trend: bool
    midpoint: float
    width: float


def sharpness(fit: Fit) -> float:
    """The largest change of a fitted curve within any fifth of the range over its whole change, in [0, 1]; 0 where it
    is flat.
    """
    values = fit.at(np.linspace(0, 1, FINE))
    total = np.ptp(values)
    steps = int(WINDOW * (FINE - 1))
    return float(np.abs(values[steps:] - values[:-steps]).max() / total) if total > 0 else 0.0


def jump(comparison: Comparison, draws: int, rng: np.random.Generator) -> Jump:
    """The jump of a curve, of fits that were made seed by seed: the mean of their amplitudes, the median of all else.
    Intervals of the place from replicates of the fit.
    """
    curve, grid = comparison.curve, comparison.grids["jump"]
    fits = comparison.fit("jump")
    truth = np.array([fit.at(curve.u) for fit in fits])
    replicates = comparison.replicates(truth, draws, rng)
    chosen = replicates.best["jump"]
    low, high = _brackets(grid, curve.u)
    tails = np.array([(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    own = comparison.observed.best["jump"][0]
    ends = (
        min(np.quantile(np.median(low[chosen], axis=1), tails[0]), np.median(low[own])),
        max(np.quantile(np.median(high[chosen], axis=1), tails[1]), np.median(high[own])),
    )
    amplitude = float(np.mean([fit.coefficients[1] for fit in fits]))
    error = float(np.sqrt(sum(_amplitude_variance(comparison, fit) for fit in fits))) / len(fits)
    half = float(stats.norm.ppf((1 + CONFIDENCE) / 2)) * error
    first, last = curve.x[0], curve.x[-1]
    midpoint, width = transition(comparison)
    return Jump(
        change_point=float(first + (last - first) * np.median(grid.centre[own])),
        change_low=float(first + (last - first) * ends[0]),
        change_high=float(first + (last - first) * ends[1]),
        amplitude=amplitude,
        amplitude_error=error,
        amplitude_low=amplitude - half,
        amplitude_high=amplitude + half,
        sharpness=float(np.median([sharpness(fit) for fit in fits])),
        on_trend=bool(np.median([fit.grid.kind[0] == STEP for fit in fits]) > 0.5),
        midpoint=float(first + (last - first) * midpoint),
        width=float(last - first) * width,
    )


def transition(comparison: Comparison) -> tuple[float, float]:
    """The midpoint and the 10-90 % width of the best logistic of any width, as shares of the range; medians over
    fits.
    """
    rows = comparison.curve.y @ comparison.whitening.T
    rows = rows - np.outer(rows @ comparison.constant, comparison.constant)
    grids = [comparison.grids[name] for name in ("smooth", "between", "jump")]
    captured = np.hstack([comparison.bases[name].captured(rows) for name in ("smooth", "between", "jump")])
    kind, centre, width = (
        np.concatenate([getattr(grid, name) for grid in grids]) for name in ("kind", "centre", "width")
    )
    best = np.where(kind == LOGISTIC, captured, -np.inf).argmax(axis=1)
    return float(np.median(centre[best])), float(np.median(width[best]))


def _brackets(grid: Grid, u: Array) -> tuple[Array, Array]:
    """Between which positions each shape of the jump family could change without changing its values at u: for a step
    the gap it lies in; for a logistic, that gap too if it is narrower than the gap, else the spacing of the grid.
    """
    after = np.clip(np.searchsorted(u, grid.centre), 1, len(u) - 1)
    low, high = u[after - 1], u[after]
    inside = (grid.kind == STEP) | (grid.width < high - low)
    half = JUMP_SPACING / 2
    return np.where(inside, low, grid.centre - half), np.where(inside, high, grid.centre + half)


def _amplitude_variance(comparison: Comparison, fit: Fit) -> float:
    """The variance of the shape's coefficient, given the shape."""
    u = comparison.curve.u
    columns = np.column_stack([np.ones(len(u)), fit.grid.columns(u)[0]])
    design = comparison.whitening @ columns[:, np.any(columns != 0, axis=0)]
    return float(comparison.variance * np.linalg.pinv(design.T @ design)[1, 1])
