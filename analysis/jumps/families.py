"""Curves of known shape as grids of fixed linear designs: smooth, jump, in between, kink.

Every curve is a + b * shape(u), or a + b * shape(u) + d * u where the shape rides on a trend, with u the position in
[0, 1]. Rising and falling curves differ in the sign of b alone. A point of the grid fixes the shape, so that the
least-squares fit of many curves at once is a matrix product.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]

LINE, EXPONENTIAL, LOGISTIC, STEP, KINK = range(5)
KINDS = ("line", "exponential", "logistic", "step on a line", "kink")
WIDTH = 2 * np.log(9)  # of a standard logistic, from 10 % to 90 %
FREE_PARAMETERS = 4  # of the richest shape of every family
SMOOTH_WIDTHS = (0.5, 0.6, 0.75, 1.0, 1.5, 2.5)
STEEPER_WIDTHS = (0.02, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45)  # of the jump family and between the two
JUMP_SPACING = 1 / 60  # of the centres of narrow logistics, at most
RATES = np.geomspace(0.5, 12, 16)


@dataclass(frozen=True)
class Grid:
    """Shapes of one family: kind (an index of KINDS), centre and 10-90 % width, each (shapes,), in units of u; a
    centre and a width mean nothing for a line, and the width of an exponential is its rate.
    """

    kind: npt.NDArray[np.int64]
    centre: Array
    width: Array

    def columns(self, u: Array) -> Array:
        """The shape and the trend at u, (shapes, len(u), 2); the trend is 0 where the shape has none."""
        z, kind = u[None, :] - self.centre[:, None], self.kind[:, None]
        width = np.where(self.width == 0, 1.0, self.width)[:, None]
        shape = np.where(kind == LINE, u, 0.0)
        rate = np.where(kind == EXPONENTIAL, width, 0.0)
        shape = np.where(kind == EXPONENTIAL, np.exp(rate * u - np.maximum(rate, 0)), shape)
        logistic = 1 / (1 + np.exp(-np.clip(z * WIDTH / width, -500, 500)))
        shape = np.where(kind == LOGISTIC, logistic, shape)
        shape = np.where(kind == STEP, z > 0, shape)
        shape = np.where(kind == KINK, np.maximum(z, 0), shape)
        trend = np.where((kind == STEP) | (kind == KINK), u, 0.0)
        return np.stack([shape, np.broadcast_to(trend, shape.shape)], axis=2)

    def at(self, index: int) -> "Grid":
        """The grid of that one shape."""
        return Grid(self.kind[[index]], self.centre[[index]], self.width[[index]])


def families(u: Array, widest: float) -> dict[str, Grid]:
    """The four families on positions u, (points,), increasing from 0 to 1, at least 5: `smooth` (line, exponential,
    logistic at least half the range wide), `jump` (step on a line, logistic of at most `widest` of the range; two
    points on either side), `between` (logistics of the widths left out) and `kink` (broken line).
    """
    breaks = (u[1:-2] + u[2:-1]) / 2
    inner = np.linspace(breaks[0], breaks[-1], round(1 / JUMP_SPACING) + 1)
    outer = np.linspace(-0.5, 1.5, 41)
    line = _grid(LINE, [0.0], [0.0])
    rates = _grid(EXPONENTIAL, [0.0], np.concatenate([-RATES[::-1], RATES]))
    return {
        "smooth": _joined(line, rates, _grid(LOGISTIC, outer, SMOOTH_WIDTHS)),
        "jump": _joined(_grid(STEP, breaks, [0.0]), _grid(LOGISTIC, inner, [w for w in STEEPER_WIDTHS if w <= widest])),
        "between": _grid(LOGISTIC, np.linspace(0, 1, 41), [w for w in STEEPER_WIDTHS if w > widest]),
        "kink": _grid(KINK, np.linspace(u[1], u[-2], 41), [0.0]),
    }


@dataclass(frozen=True)
class Bases:
    """A family's designs in whitened space, orthonormal and without the constant: shape and trend, each (shapes,
    points).
    """

    shape: Array
    trend: Array
    with_trend: npt.NDArray[np.intp]

    def captured(self, whitened: Array) -> Array:
        """The sum of squares each shape explains of each row of `whitened` (rows, points), (rows, shapes)."""
        result: Array = (whitened @ self.shape.T) ** 2
        result[:, self.with_trend] += (whitened @ self.trend.T) ** 2
        return result

    def residuals(self, whitened: Array) -> tuple[Array, Array]:
        """What the best shape leaves of each row (rows, points), and its sum of squares (rows,)."""
        best = self.captured(whitened).argmax(axis=1)
        trends = np.zeros_like(self.shape)
        trends[self.with_trend] = self.trend
        left = whitened.copy()
        for basis in (self.shape[best], trends[best]):
            left -= basis * np.vecdot(basis, whitened)[:, None]
        return left, np.vecdot(left, left)


def bases(grid: Grid, u: Array, whitening: Array) -> Bases:
    """The designs of a grid at u (points,), whitened by a matrix (points, points) and made orthonormal."""
    constant = whitening.sum(axis=1)
    constant = constant / np.linalg.norm(constant)
    columns = np.einsum("ij,gjc->gic", whitening, grid.columns(u))
    columns = columns - constant[:, None] * np.einsum("i,gic->gc", constant, columns)[:, None, :]
    shape = _normalised(columns[:, :, 0])
    with_trend = np.flatnonzero(np.isin(grid.kind, (STEP, KINK)))
    trend, first = columns[with_trend, :, 1], shape[with_trend]
    trend = _normalised(trend - first * np.vecdot(first, trend)[:, None])
    return Bases(shape, trend, with_trend)


def best_residuals(families: Iterable[Bases], whitened: Array) -> Array:
    """What the best shape of any family leaves of each row (rows, points) that holds no constant."""
    found = [family.residuals(whitened) for family in families]
    best = np.argmin([rss for _, rss in found], axis=0)
    result: Array = np.stack([left for left, _ in found])[best, np.arange(len(whitened))]
    return result


def _normalised(rows: Array) -> Array:
    norms = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.where(norms > 1e-9, rows / np.maximum(norms, 1e-9), 0.0)


def _grid(kind: int, centres: npt.ArrayLike, widths: npt.ArrayLike) -> Grid:
    """Every centre with every width."""
    width, centre = (each.ravel() for each in np.meshgrid(np.asarray(widths, float), np.asarray(centres, float)))
    return Grid(np.full(len(centre), kind), centre, width)


def _joined(*grids: Grid) -> Grid:
    return Grid(*(np.concatenate([getattr(grid, name) for grid in grids]) for name in ("kind", "centre", "width")))
