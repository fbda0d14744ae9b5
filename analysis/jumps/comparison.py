"""Smooth against jump: the statistic, its bootstrap from the best smooth fit, what power the data had."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from analysis.jumps.curve import Curve
from analysis.jumps.families import (
    FREE_PARAMETERS,
    LOGISTIC,
    SMOOTH_WIDTHS,
    Array,
    Bases,
    Grid,
    bases,
    best_residuals,
    families,
)

FAMILIES = ("smooth", "jump", "between", "kink")
BLOCK = 256  # replicates at a time: a block's projections stay in the cache
ALPHA = 0.05
BANDWIDTH = 0.1  # of the range, over which the noise is taken as alike
PRIOR = 4.0  # values of average noise that the noise at a position is averaged with
NEGLIGIBLE = 1e-12  # of the curve's own variance: below it a fit is exact


@dataclass(frozen=True)
class Fit:
    """The least-squares fit of one family to one row: its shape, the coefficients (constant, shape, trend) and the
    sum of squared whitened residuals.
    """

    grid: Grid
    coefficients: Array
    rss: float

    def at(self, u: Array) -> Array:
        """The fitted curve at positions u."""
        result: Array = self.coefficients[0] + self.grid.columns(u)[0] @ self.coefficients[1:]
        return result


@dataclass(frozen=True)
class Losses:
    """Sums of squares of many replicates around the constant and around each family's best fit, (replicates, fits),
    which shape that was, and the noise variance that is left, (replicates,).
    """

    total: Array
    rss: dict[str, Array]
    best: dict[str, npt.NDArray[np.intp]]
    variance: Array

    def change(self) -> Array:
        """How much better the smooth family fits than a constant, in units of the noise variance, (replicates,)."""
        result: Array = (self.total - self.rss["smooth"]).sum(axis=1) / self.variance
        return result

    def gain(self, over: str, *of: str) -> Array:
        """How much better the best of some families fits than another, in units of the noise variance, summed over
        fits, (replicates,). With equal numbers of parameters half of it is the log of the Bayes factor (BIC).
        """
        best = np.min([self.rss[name] for name in of], axis=0)
        result: Array = (self.rss[over] - best).sum(axis=1) / self.variance
        return result


class Comparison:
    """One curve's designs, ready for fitting it and any replicate of it."""

    def __init__(self, curve: Curve) -> None:
        self.curve = curve
        self.grids = families(curve.u, curve.abrupt.width)
        self.whitening = curve.whitening
        self.bases: dict[str, Bases] = {name: bases(grid, curve.u, self.whitening) for name, grid in self.grids.items()}
        constant = self.whitening.sum(axis=1)
        self.constant = constant / np.linalg.norm(constant)

    @cached_property
    def observed(self) -> Losses:
        """The losses of the data, one replicate."""
        return self.losses((self.curve.y @ self.whitening.T)[None], np.array([self.curve.variance or 0.0]))

    @property
    def variance(self) -> float:
        """The noise variance of a value of weight 1: the known one, or what the best family leaves over if that is
        more.
        """
        return float(self.observed.variance[0])

    @cached_property
    def scale(self) -> Array:
        """The noise's standard deviation at each position relative to the whole, (points,): from the squares that
        seeds or the best fits leave there, smoothed over neighbours and drawn towards 1.

        Noise that is largest where a curve is steepest would else pass for a jump.
        """
        if np.isfinite(self.curve.degrees) and self.curve.variance is not None:
            squares, own = self.curve.local / max(self.curve.variance, 1e-300), np.maximum(self.curve.weights - 1, 0)
        else:
            rows = self.curve.y @ self.whitening.T
            rows = rows - np.outer(rows @ self.constant, self.constant)
            left = best_residuals(self.bases.values(), rows)
            squares = (left**2).mean(axis=0) / max(float((left**2).mean()), 1e-300)
            own = np.full(len(squares), float(len(rows)))
        kernel = np.exp(-0.5 * ((self.curve.u[:, None] - self.curve.u) / BANDWIDTH) ** 2) * own
        smoothed = (kernel @ np.where(own > 0, squares, 0.0) + PRIOR) / (kernel.sum(axis=1) + PRIOR)
        result: Array = np.sqrt(smoothed / smoothed.mean())
        return result

    def noise(self, draws: int, rng: np.random.Generator) -> Array:
        """Noise as uneven and as correlated as the curve's, (draws, points)."""
        white = rng.normal(size=(draws, len(self.curve.x))) * np.sqrt(self.variance) * self.scale
        result: Array = np.linalg.solve(self.whitening, white.T).T
        return result

    def losses(self, whitened: Array, known: Array, among: tuple[str, ...] = FAMILIES) -> Losses:
        """The losses of whitened replicates (replicates, fits, points), with their known variance (replicates,)."""
        replicates, fits, points = whitened.shape
        rows = whitened.reshape(-1, points)
        rows = rows - np.outer(rows @ self.constant, self.constant)
        total = np.vecdot(rows, rows)
        rss: dict[str, Array] = {}
        best = {}
        for name in among:
            family = self.bases[name]
            captured, chosen = np.empty(len(rows)), np.empty(len(rows), dtype=np.intp)
            for start in range(0, len(rows), BLOCK):
                block = slice(start, start + BLOCK)
                explained = family.captured(rows[block])
                chosen[block] = explained.argmax(axis=1)
                captured[block] = explained.max(axis=1)
            rss[name] = np.maximum(total - captured, 0).reshape(replicates, fits)
            best[name] = chosen.reshape(replicates, fits)
        left = np.min(list(rss.values()), axis=0).sum(axis=1) / (fits * (points - FREE_PARAMETERS))
        total = total.reshape(replicates, fits)
        floor = NEGLIGIBLE * np.maximum(total.sum(axis=1), 1e-300)
        return Losses(total, rss, best, np.maximum(np.maximum(left, known), floor))

    def fit(self, family: str) -> list[Fit]:
        """The family's fit to each row."""
        chosen, rss = self.observed.best[family][0], self.observed.rss[family][0]
        rows = enumerate(self.curve.y)
        return [self._least_squares(family, int(chosen[row]), y, float(rss[row])) for row, y in rows]

    def steepest(self) -> Array:
        """The best fit of the steepest smooth curve, a logistic over half the range, to each row, (fits, points)."""
        grid = self.grids["smooth"]
        steepest = (grid.kind == LOGISTIC) & (grid.width == min(SMOOTH_WIDTHS))
        rows = self.curve.y @ self.whitening.T
        captured = self.bases["smooth"].captured(rows - np.outer(rows @ self.constant, self.constant))
        chosen = np.where(steepest, captured, -1.0).argmax(axis=1)
        fits = [
            self._least_squares("smooth", int(index), y, 0.0) for index, y in zip(chosen, self.curve.y, strict=True)
        ]
        return np.array([fit.at(self.curve.u) for fit in fits])

    def refitted(self, row: Array, among: tuple[str, ...]) -> Array:
        """The best fit of some families to another row of values (points,), at the curve's positions."""
        losses = self.losses((self.whitening @ row)[None, None], np.zeros(1), among)
        name = min(among, key=lambda family: float(losses.rss[family][0, 0]))
        best, rss = int(losses.best[name][0, 0]), float(losses.rss[name][0, 0])
        return self._least_squares(name, best, row, rss).at(self.curve.u)

    def _least_squares(self, family: str, index: int, row: Array, rss: float) -> Fit:
        grid = self.grids[family].at(index)
        design = np.column_stack([np.ones(len(row)), grid.columns(self.curve.u)[0]])
        coefficients = np.linalg.lstsq(self.whitening @ design, self.whitening @ row, rcond=None)[0]
        return Fit(grid, coefficients, rss)

    def replicates(self, truth: Array, draws: int, rng: np.random.Generator, *, seeds: float = 1.0) -> Losses:
        """The losses of `draws` curves with that truth (fits, points) and the observed noise; with `seeds` times the
        runs at each point.
        """
        variance = self.variance / seeds
        noise = rng.normal(size=(draws, *self.curve.y.shape)) * np.sqrt(variance) * self.scale
        known = np.zeros(draws)
        if self.curve.variance is not None:
            share = (
                rng.chisquare(self.curve.degrees, draws) / self.curve.degrees
                if np.isfinite(self.curve.degrees)
                else 1.0
            )
            known = np.full(draws, self.curve.variance / seeds) * share
        return self.losses(truth @ self.whitening.T + noise, known)


def p_value(observed: float, null: Array) -> float:
    """The share of the null at or above the observed statistic, the observed one counted in."""
    return float((1 + np.sum(null >= observed - 1e-9 * abs(observed))) / (1 + len(null)))
