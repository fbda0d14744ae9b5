"""Curves whose shape is known."""

from collections.abc import Callable

import numpy as np
import pytest

from analysis.jumps.comparison import Comparison
from analysis.jumps.curve import curve_over_scale
from analysis.jumps.decision import Judged, judge

Shape = Callable[[np.ndarray], np.ndarray]
Planted = Callable[..., tuple[np.ndarray, np.ndarray]]
Judging = Callable[..., Judged]


def logistic(u: np.ndarray, width: float, centre: float = 0.5) -> np.ndarray:
    """From 10 to 90 % over that width."""
    risen: np.ndarray = 1 / (1 + np.exp(-(u - centre) * 2 * np.log(9) / width))
    return risen


SHAPES: dict[str, Shape] = {
    "linear": lambda u: u,
    "saturating": lambda u: -np.expm1(-4 * u),
    "convex": lambda u: np.expm1(4 * u) / np.expm1(4),
    "wide logistic": lambda u: logistic(u, 0.5),
    "step": lambda u: 1.0 * (u > 0.5),
    "narrow logistic": lambda u: logistic(u, 0.1),
    "steep logistic": lambda u: logistic(u, 0.3),
    "between": lambda u: logistic(u, 0.45),
    "kink": lambda u: np.maximum(u - 0.5, 0) * 2,
    "flat": lambda u: 0 * u,
}


@pytest.fixture
def planted() -> Planted:
    """x and values, one per run, of a shape that changes by 1, with noise."""

    def runs(
        shape: str, points: int = 12, seeds: int = 5, noise: float = 0.05, seed: int = 0
    ) -> tuple[np.ndarray, np.ndarray]:
        x = np.tile(np.arange(points, dtype=float), seeds)
        rng = np.random.default_rng(seed)
        return x, SHAPES[shape](x / (points - 1)) + rng.normal(0, noise, len(x))

    return runs


@pytest.fixture
def judged() -> Judging:
    """The evidence on runs."""

    def evidence(x: np.ndarray, values: np.ndarray, smallest: float = 0.2, draws: int = 199, seed: int = 1) -> Judged:
        comparison = Comparison(curve_over_scale(x, values))
        return judge(comparison, smallest, draws=draws, rng=np.random.default_rng(seed))

    return evidence
