"""A curve to be judged: values over positions, and what is known of their noise."""

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from analysis.jumps.families import FREE_PARAMETERS, Array, bases, best_residuals, families

FEWEST_POINTS = 8
PREWHITENED_FROM = 20
RHOS = np.array([0.0, 0.2, 0.4, 0.6, 0.8, 0.9, 0.95])
SIMULATED = 200


class Abrupt(NamedTuple):
    """What counts as a jump: the widest transition, from 10 to 90 %, and the least share of the whole change that must
    happen within a fifth of the range, both as shares of the range.

    Over scale there are few models, and what is published as emergent takes up to two of five decades of compute. A
    training curve is dense, and a loss that merely falls steeply does up to .6 of its change within a fifth of log2
    steps.
    """

    width: float
    sharpness: float


OVER_SCALE, OVER_STEPS = Abrupt(0.4, 0.5), Abrupt(0.15, 0.75)


class CurveError(ValueError):
    """A curve that cannot be judged; the message says why."""


@dataclass(frozen=True)
class Curve:
    """Values over positions: x (points,), increasing; y (fits, points), one row per curve that is fitted on its own
    (one for the means over seeds, one per seed for training curves). `weights` (points,) are seeds per point.
    `variance` is that of a value of weight 1, with `degrees` of freedom (infinite where it is taken as known), None
    where only the residuals tell it. `rho` is the noise's correlation of neighbours. `noise` says in words what is
    assumed.
    """

    x: Array
    y: Array
    weights: Array
    variance: float | None
    degrees: float
    rho: float
    noise: str
    local: Array  # (points,) variance at each position, known roughly; NaN where unknown
    spread: Array  # (points,) standard deviation over seeds, NaN where there is one
    abrupt: Abrupt

    @property
    def u(self) -> Array:
        """Positions in [0, 1]."""
        result: Array = (self.x - self.x[0]) / (self.x[-1] - self.x[0])
        return result

    @property
    def whitening(self) -> Array:
        """The matrix (points, points) after which the noise is white, of variance `variance`."""
        matrix = np.eye(len(self.x))
        if self.rho:
            matrix -= self.rho * np.eye(len(self.x), k=-1)
            matrix[0, 0] = np.sqrt(1 - self.rho**2)
            matrix /= np.sqrt(1 - self.rho**2)
        result: Array = matrix * np.sqrt(self.weights)
        return result


def curve_over_scale(x: Array, values: Array, standard_errors: Array | None = None) -> Curve:
    """The curve of the means at each x, from one value per run: x, values and, where known, the standard error over
    test examples, each (runs,).

    Runs at the same x are seeds of one model, and their pooled variance is the noise. Without such runs it is that of
    the test examples, or, if larger or if those are unknown, what the best-fitting curve leaves over. Raises
    CurveError for fewer than 8 positions.
    """
    points, where, counts = np.unique(x, return_inverse=True, return_counts=True)
    _check_points(len(points))
    weights = counts.astype(float)
    means = np.bincount(where, values) / weights
    squares = np.bincount(where, (values - means[where]) ** 2)
    degrees = float(counts.sum() - len(points))
    with np.errstate(divide="ignore", invalid="ignore"):
        spread = np.sqrt(squares / (weights - 1))
    if degrees >= len(points) / 2:
        noise, variance = (
            "variance between seeds at the same x, pooled; at least what the best curve leaves over",
            float(squares.sum() / degrees),
        )
    elif standard_errors is not None and np.isfinite(standard_errors).all():
        noise, variance = (
            "variance over test examples; at least what the best curve leaves over",
            float(np.mean(standard_errors**2)),
        )
        degrees = np.inf
    else:
        noise, variance, degrees = "what the best curve leaves over: one value per x", None, np.inf
    local = spread**2 if variance is not None and np.isfinite(degrees) else np.full(len(points), np.nan)
    return Curve(points, means[None], weights, variance, degrees, 0.0, noise, local, spread, OVER_SCALE)


def curves_over_steps(x: Array, values: Array) -> Curve:
    """Training curves, each seed fitted on its own: x (points,), values (seeds, points). The noise is what the best
    curve leaves over, from 20 points on with its correlation of neighbours pooled over seeds.

    The mean over seeds would smear a jump whose time differs between them. Raises CurveError for fewer than 8 points.
    """
    _check_points(len(x))
    spread = np.std(values, axis=0, ddof=1) if len(values) > 1 else np.full(len(x), np.nan)
    unknown = np.full(len(x), np.nan)
    noise = "what the best curve of each seed leaves over"
    plain = Curve(x, values, np.ones(len(x)), None, np.inf, 0.0, noise, unknown, spread, OVER_STEPS)
    if len(x) < PREWHITENED_FROM:
        return plain
    rho = _neighbours(plain)
    return replace(plain, rho=rho, noise=noise + ", prewhitened as AR(1)")


def _neighbours(curve: Curve) -> float:
    """The noise's correlation of neighbours, in [0, 0.95]: that of AR(1) noise around the best fits whose residuals,
    after the same fits, correlate as those of the data do. Fits take up part of the noise, so that the raw value is
    too small.
    """
    points, identity = len(curve.x), np.eye(len(curve.x))
    fitted = [bases(grid, curve.u, identity) for grid in families(curve.u, curve.abrupt.width).values()]
    left = best_residuals(fitted, _centred(curve.y))
    if not left.any():
        return 0.0
    deviation = np.sqrt((left**2).mean() * points / (points - FREE_PARAMETERS))
    rng = np.random.default_rng(0)  # a table of expectations: the same for every curve of these positions
    shocks = deviation * rng.normal(size=(-(-SIMULATED // len(left)), *left.shape))
    truth = curve.y - left
    simulated = ((truth + shocks @ _autoregression(rho, points).T).reshape(-1, points) for rho in RHOS)
    expected = [_correlation(best_residuals(fitted, _centred(rows))) for rows in simulated]
    return float(np.interp(_correlation(left), np.maximum.accumulate(expected), RHOS))


def _centred(rows: Array) -> Array:
    result: Array = rows - rows.mean(axis=1, keepdims=True)
    return result


def _correlation(left: Array) -> float:
    """The lag-one correlation of residuals (rows, points), pooled."""
    return float((left[:, 1:] * left[:, :-1]).sum() / (left**2).sum())


def _autoregression(rho: float, points: int) -> Array:
    """The matrix (points, points) that makes stationary AR(1) noise of variance 1 from white noise."""
    lags = np.arange(points)[:, None] - np.arange(points)
    matrix = np.where(lags >= 0, rho ** np.maximum(lags, 0) * np.sqrt(1 - rho**2), 0.0)
    matrix[:, 0] = rho ** np.arange(points)
    return matrix


def _check_points(points: int) -> None:
    if points < FEWEST_POINTS:
        raise CurveError(f"a curve needs at least {FEWEST_POINTS} positions, this one has {points}")
