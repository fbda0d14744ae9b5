"""What the smaller models say of the larger ones: the smooth fit up to a scale, its prediction beyond, and the
surprise.

An early warning rather than a verdict: a forecast assumes that the curve stays in the smooth family.
"""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy.stats import norm

from analysis.jumps.comparison import NEGLIGIBLE, Comparison, p_value
from analysis.jumps.curve import Curve, CurveError
from analysis.jumps.families import FREE_PARAMETERS, Array

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

    The interval is the posterior predictive one: shapes weighted by their likelihood, each kind with the same prior;
    flat coefficients; the noise variance as uncertain as its degrees of freedom; the noise of the new means. Raises
    CurveError for fewer than 6 positions up to the horizon or none beyond it, and for curves that are fitted seed by
    seed.
    """
    known, beyond = curve.x <= horizon, curve.x > horizon
    _check(curve, known, beyond)
    comparison = Comparison(_part(curve, known))
    first, last = curve.x[known][[0, -1]]
    drawn = _drawn(comparison, (curve.x[beyond] - first) / (last - first), curve.weights[beyond], draws, rng)
    predicted = np.median(drawn, axis=0)
    low, high = np.quantile(drawn, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2], axis=0)
    deviation = (high - low) / (2 * norm.ppf((1 + CONFIDENCE) / 2))
    observed = curve.y[0, beyond]
    surprise = (observed - predicted) / deviation
    return Forecast(
        x=curve.x[beyond],
        predicted=predicted,
        low=low,
        high=high,
        observed=observed,
        surprise=surprise,
        coverage=float(np.mean((low <= observed) & (observed <= high))),
        p=p_value(float(np.abs(surprise).max()), np.abs((drawn - predicted) / deviation).max(axis=1)),
    )


def _drawn(comparison: Comparison, outside: Array, weights: Array, draws: int, rng: np.random.Generator) -> Array:
    """New means at positions outside, drawn from the posterior predictive of the smooth family, (draws, positions)."""
    curve, grid = comparison.curve, comparison.grids["smooth"]
    row = comparison.whitening @ curve.y[0]
    row = row - comparison.constant * (comparison.constant @ row)
    rss = np.maximum(row @ row - comparison.bases["smooth"].captured(row[None])[0], 0)
    variance, degrees = _variance(curve, float(rss.min()))
    kinds, counts = np.unique(grid.kind, return_counts=True)
    log_prior = -np.log(counts)[np.searchsorted(kinds, grid.kind)]
    result = np.empty((draws, len(outside)))
    variances = variance * (degrees / rng.chisquare(degrees, draws) if np.isfinite(degrees) else np.ones(draws))
    log_weight = log_prior - (rss - rss.min()) / (2 * variances[:, None])
    chosen = (log_weight + rng.gumbel(size=log_weight.shape)).argmax(axis=1)
    for index in np.unique(chosen):
        shape, members = grid.at(int(index)), chosen == index
        near, far = (np.column_stack([np.ones(len(u)), shape.columns(u)[0, :, 0]]) for u in (curve.u, outside))
        inverse = np.linalg.pinv(comparison.whitening @ near)
        centre = inverse @ comparison.whitening @ curve.y[0]
        noise = rng.normal(size=(members.sum(), len(curve.x))) @ inverse.T
        fresh = rng.normal(size=(members.sum(), len(outside))) / np.sqrt(weights)
        result[members] = (centre @ far.T) + np.sqrt(variances[members])[:, None] * (noise @ far.T + fresh)
    return result


def _variance(curve: Curve, left: float) -> tuple[float, float]:
    """The noise variance of a value of weight 1, the known one or what the smooth fit leaves over, with its degrees."""
    degrees = len(curve.x) - FREE_PARAMETERS
    if curve.variance is not None and curve.variance >= left / degrees:
        return curve.variance, curve.degrees
    return max(left / degrees, NEGLIGIBLE * float(np.var(curve.y)), NEGLIGIBLE**2), float(degrees)


def _part(curve: Curve, chosen: Flags) -> Curve:
    along = {name: getattr(curve, name)[chosen] for name in ("x", "weights", "spread", "local")}
    return replace(curve, y=curve.y[:, chosen], **along)


def _check(curve: Curve, known: Flags, beyond: Flags) -> None:
    if len(curve.y) > 1 or curve.rho:
        raise CurveError("a forecast is of one curve with independent noise, not of curves over steps")
    if known.sum() < FEWEST:
        raise CurveError(f"a forecast needs at least {FEWEST} positions up to the horizon, there are {known.sum()}")
    if not beyond.any():
        raise CurveError("a forecast needs a position beyond the horizon, there is none")
