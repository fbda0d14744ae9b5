"""A curve to be judged: values over positions, and what is known of their noise."""

from dataclasses import dataclass

import numpy as np

from analysis.jumps.families import FREE_PARAMETERS, Array, bases, families

FEWEST_POINTS = 8
PREWHITENED_FROM = 20
LARGEST_RHO = 0.95


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
    spread: Array  # (points,) standard deviation over seeds, NaN where there is one

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
    return Curve(points, means[None], weights, variance, degrees, 0.0, noise, spread)


def curves_over_steps(x: Array, values: Array) -> Curve:
    """Training curves, each seed fitted on its own: x (points,), values (seeds, points). The noise is what the best
    curve leaves over, from 20 points on with its correlation of neighbours pooled over seeds.

    The mean over seeds would smear a jump whose time differs between them. Raises CurveError for fewer than 8 points.
    """
    _check_points(len(x))
    spread = np.std(values, axis=0, ddof=1) if len(values) > 1 else np.full(len(x), np.nan)
    plain = Curve(x, values, np.ones(len(x)), None, np.inf, 0.0, "what the best curve of each seed leaves over", spread)
    if len(x) < PREWHITENED_FROM:
        return plain
    rho = _neighbours(plain)
    return Curve(x, values, plain.weights, None, np.inf, rho, plain.noise + ", prewhitened as AR(1)", spread)


def _neighbours(curve: Curve) -> float:
    """The residuals' correlation of neighbours, corrected for the parameters the fit has used up, in [0, 0.95]."""
    grids, identity = families(curve.u), np.eye(len(curve.x))
    above = below = 0.0
    for row in curve.y:
        best, residual = np.inf, row
        for grid in grids.values():
            captured = bases(grid, curve.u, identity).captured((row - row.mean())[None])[0]
            columns = np.column_stack([np.ones(len(row)), grid.at(int(captured.argmax())).columns(curve.u)[0]])
            left = row - columns @ np.linalg.lstsq(columns, row, rcond=None)[0]
            if left @ left < best:
                best, residual = left @ left, left
        above, below = above + residual[1:] @ residual[:-1], below + residual @ residual
    if below == 0:
        return 0.0
    points = len(curve.x)
    raw = above / below * points / (points - 1)
    return float(np.clip(raw + (1 + FREE_PARAMETERS * raw) / points, 0, LARGEST_RHO))


def _check_points(points: int) -> None:
    if points < FEWEST_POINTS:
        raise CurveError(f"a curve needs at least {FEWEST_POINTS} positions, this one has {points}")
