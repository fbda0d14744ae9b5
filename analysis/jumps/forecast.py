"""What the smaller models say of the larger ones: the smooth fit up to a scale, its prediction beyond, and the
surprise.

An early warning rather than a verdict: a forecast assumes that the curve stays in the smooth family.
"""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy.stats import norm

from analysis.jumps.comparison import Comparison, p_value
from analysis.jumps.curve import Curve, CurveError
from analysis.jumps.families import Array

Flags = npt.NDArray[np.bool_]

CONFIDENCE = 0.9
FEWEST = 6


@dataclass(frozen=True)
class Forecast:
    """At each position beyond the horizon (points,): prediction, 90 % interval of a new mean over the runs there,
    what was observed, and the surprise, the observed deviation in standard deviations of the prediction. `coverage`
    is the share of positions inside their interval; `p` that the largest surprise is chance.
    """

    x: Array
    predicted: Array
    low: Array
    high: Array
    observed: Array
    surprise: Array
    coverage: float
    p: float


def forecast(curve: Curve, horizon: float, *, draws: int, rng: np.random.Generator) -> Forecast:
    """The forecast of every position beyond the horizon, by the smooth fit of those up to it.

    The interval is over replicates of the fit, refitted, and over the noise of the new means. Raises CurveError for
    fewer than 6 positions up to the horizon or none beyond it, and for curves that are fitted seed by seed.
    """
    known, beyond = curve.x <= horizon, curve.x > horizon
    _check(curve, known, beyond)
    comparison = Comparison(_part(curve, known))
    first, last = curve.x[known][[0, -1]]
    inside, outside = comparison.curve.u, (curve.x[beyond] - first) / (last - first)
    fit = comparison.fit("smooth")[0]
    predicted = fit.at(outside)
    noise = np.sqrt(comparison.variance / curve.weights)
    redrawn = fit.at(inside) + noise[known] * rng.normal(size=(draws, known.sum()))
    misses = (
        _refitted(comparison, redrawn, outside) - predicted + noise[beyond] * rng.normal(size=(draws, beyond.sum()))
    )
    low, high = np.quantile(misses, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2], axis=0)
    deviation = (high - low) / (2 * norm.ppf((1 + CONFIDENCE) / 2))
    observed = curve.y[0, beyond]
    surprise = (observed - predicted) / deviation
    return Forecast(
        x=curve.x[beyond],
        predicted=predicted,
        low=predicted + low,
        high=predicted + high,
        observed=observed,
        surprise=surprise,
        coverage=float(np.mean((predicted + low <= observed) & (observed <= predicted + high))),
        p=p_value(float(np.abs(surprise).max()), np.abs(misses / deviation).max(axis=1)),
    )


def _refitted(comparison: Comparison, rows: Array, outside: Array) -> Array:
    """What the smooth fits of other rows (replicates, points) predict at positions outside, (replicates, positions)."""
    losses = comparison.losses((rows @ comparison.whitening.T)[:, None, :], np.zeros(len(rows)), ("smooth",))
    chosen, grid = losses.best["smooth"][:, 0], comparison.grids["smooth"]
    result = np.empty((len(rows), len(outside)))
    for index in np.unique(chosen):
        members, shape = chosen == index, grid.at(int(index))
        near, far = (
            np.column_stack([np.ones(len(u)), shape.columns(u)[0, :, 0]]) for u in (comparison.curve.u, outside)
        )
        solution = np.linalg.lstsq(comparison.whitening @ near, comparison.whitening @ rows[members].T, rcond=None)[0]
        result[members] = (far @ solution).T
    return result


def _part(curve: Curve, chosen: Flags) -> Curve:
    weights, spread = curve.weights[chosen], curve.spread[chosen]
    return replace(curve, x=curve.x[chosen], y=curve.y[:, chosen], weights=weights, spread=spread)


def _check(curve: Curve, known: Flags, beyond: Flags) -> None:
    if len(curve.y) > 1 or curve.rho:
        raise CurveError("a forecast is of one curve with independent noise, not of curves over steps")
    if known.sum() < FEWEST:
        raise CurveError(f"a forecast needs at least {FEWEST} positions up to the horizon, there are {known.sum()}")
    if not beyond.any():
        raise CurveError("a forecast needs a position beyond the horizon, there is none")
