"""How safety goes with capability over standard models of every size, and what that gives without each of them.

A point a model (its mean over seeds), an intercept a family, a line or a natural cubic spline with three knots. What
the seeds scatter is taken out of the capability (regression calibration).
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from .probability import f_above

LEAST_RELIABILITY = 0.3
RIDGE = 1e-9
Array = Any


@dataclass
class Ladder:
    """Standard models [rung]: the number of each, family, capability x, safety y [rung, column], the spline's knots,
    and which columns bend. terms: [column's slope and bend] as fitted; refits: the same without each rung.
    """

    models: Array
    x: Array
    knots: Array
    curved: Array
    terms: Array  # [2, column]
    refits: Array  # [rung, 2, column]

    @property
    def ends(self) -> tuple[float, float]:
        """The range in which it is trusted."""
        slack = 0.05 * float(np.ptp(self.x))
        return float(self.x.min()) - slack, float(self.x.max()) + slack


def basis(x: Array, knots: Array) -> Array:
    """The spline's two terms [..., 2]: a straight one, and a bend that is linear outside the knots."""
    a, b, c = knots
    cube_a, cube_b, cube_c = (np.clip(x - knot, 0, None) ** 3 for knot in knots)
    bend = cube_a - cube_b * (c - a) / (c - b) + cube_c * (b - a) / (c - b)
    return np.stack([(x - b) / (c - a), bend / (c - a) ** 3], axis=-1)


def least_squares(design: Array, y: Array) -> Array:
    """Coefficients [term, column], with the ridge that the protocol has."""
    gram = design.T @ design
    return np.linalg.solve(gram + RIDGE * np.trace(gram) * np.eye(len(gram)), design.T @ y)


def fitted(models: Array, families: Array, x: Array, y: Array, seeds: Array, noise: Any, rule: dict[str, Any]) -> Any:
    """The ladder of these models; None where they are too few or too alike.

    x, y: means over seeds; seeds: how many each has. noise: None where x has none (FLOPs), else what `calibrated`
    needs: the squared deviations of each model's seeds in x, and their products with those in y [rung, column].
    """
    if len(models) < rule["min_rungs"]:
        return None
    _, group = np.unique(families, return_inverse=True)
    if np.bincount(group).min() < 2 or len(models) - len(np.bincount(group)) < 5:
        group = np.zeros_like(group)
    knots = np.quantile(x, [0.1, 0.5, 0.9])
    if np.diff(knots).min() <= 1e-9 * max(float(np.ptp(x)), 1e-12):
        return None
    everyone = np.ones(len(models), bool)

    def design_and_y(keep: Array) -> tuple[Array, Array]:
        at, aim = x[keep], y[keep]
        if noise is not None:
            squares, products = noise
            at, aim = calibrated(at, aim, group[keep], seeds[keep], squares[keep], products[keep], rule)
        intercepts = np.eye(group.max() + 1)[group[keep]]
        return np.hstack([intercepts, basis(at, knots)]), aim

    curved = bends(*design_and_y(everyone), rule["curve_level"])

    def terms(keep: Array) -> Array:
        design, aim = design_and_y(keep)
        line = np.vstack([least_squares(design[:, :-1], aim)[-1:], np.zeros((1, aim.shape[1]))])
        return np.where(curved, least_squares(design, aim)[-2:], line)

    without = np.stack([terms(np.arange(len(models)) != k) for k in range(len(models))])
    return Ladder(models, x, knots, curved, terms(everyone), without)


def calibrated(x: Array, y: Array, group: Array, seeds: Array, squares: Array, products: Array, rule: Any) -> Any:
    """Capability drawn towards its family's mean by its unreliability, and y less what the same noise adds to it."""
    count = np.bincount(group)
    away = x - (np.bincount(group, x) / count)[group]
    between = (away**2).sum() / (len(x) - len(count))
    free, share = int((seeds - 1).sum()), (1 / seeds).mean()
    if rule["reliability"] is not None:
        of_one = rule["reliability"]
        noise, shared = (1 - of_one) * between / (of_one + (1 - of_one) * share), np.zeros(y.shape[1])
    elif free == 0:
        return x, y
    else:
        noise, shared = squares.sum() / free, products.sum(0) / free
    reliability = min(max(1 - noise * share / between, LEAST_RELIABILITY), 1.0)
    return x - away + reliability * away, y - np.outer(away, shared * share / between)


def bends(design: Array, y: Array, level: float) -> Array:
    """Which columns an F test wants a bend for."""
    free = design.shape[0] - design.shape[1]
    if free < 3:
        return np.zeros(y.shape[1], bool)
    line, bent = (((y - part @ least_squares(part, y)) ** 2).sum(0) for part in (design[:, :-1], design))
    ratio = np.maximum(line - bent, 0) / np.maximum(bent / free, 1e-12)
    return np.array([f_above(float(each), free) < level for each in ratio])
