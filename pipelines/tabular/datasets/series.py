"""Forecasts of the next move of a series, whose true probabilities are known: they follow from how it is drawn.

The next value of the series depends on products and signs of its last four and on the half of the day; noise is added.
What a model sees is the last six values and the hour, of eight in a day. The classes are down, flat and up: the next
value less the last one, below -.35, between, above .35. Two shifts: more noise (volatile), weaker causes (regime).
"""

import zlib
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

from pipelines.parts import Positive, Range, Whole
from pipelines.tabular.data import Dataset, Loader, Shape, Split, split_of

CLASSES = ("down", "flat", "up")
SEEN, HOURS, LENGTH = 6, 8, 30  # values seen, hours in a day, values drawn before the one that is forecast
NOISE, MOVE = 0.35, 0.35
Reals = NDArray[np.float64]
Rows = Annotated[int, Range(20)]


def dataset(
    *,
    train: Rows = 4000,
    more_train: Whole = 0,
    validation: Rows = 1000,
    capability: Rows = 2000,
    test: Rows = 2000,
    volatile: Rows = 2000,
    regime: Rows = 2000,
    volatility: Positive = 1.6,
    strength: float = 0.6,
    seed: Whole = 0,
) -> Loader:
    """Rows in each split (`more_train`: for methods that learn from more); no two share a value. volatility: the noise
    of `volatile` as a multiple of that in training. strength: of the causes in `regime`, 1 in training."""
    counts = {
        "train": train,
        "more_train": more_train,
        "validation": validation,
        "capability": capability,
        "test": test,
        "volatile": volatile,
        "regime": regime,
    }
    shifts = {"volatile": (volatility, 1.0), "regime": (1.0, strength)}

    def load() -> Dataset:
        splits = {}
        for name, count in counts.items():
            generator = np.random.default_rng([seed, zlib.crc32(name.encode())])
            if count:
                splits[name] = forecasts(count, *shifts.get(name, (1.0, 1.0)), generator)
        return Dataset("series", CLASSES, splits)

    splits = tuple(name for name, count in counts.items() if count)
    return Loader(lambda: Shape(SEEN + 2, len(CLASSES), splits, train, groups=True), load)


def forecasts(count: int, volatility: float, strength: float, generator: np.random.Generator) -> Split:
    """Rows of series that were drawn one by one; the group is the half of the day."""
    values = np.zeros((count, LENGTH + 1))
    values[:, :4] = generator.normal(0, 0.7, (count, 4))
    start = generator.integers(0, HOURS, count)
    mean = np.zeros(count)
    for step in range(4, LENGTH + 1):
        mean = expected(values[:, step - 4 : step], (start + step) % HOURS, strength)
        values[:, step] = mean + generator.normal(0, volatility * NOISE, count)
    last, hour = values[:, LENGTH - 1], (start + LENGTH) % HOURS
    angle = 2 * np.pi * hour / HOURS
    rows = np.column_stack([values[:, LENGTH - SEEN : LENGTH], np.sin(angle), np.cos(angle)])
    labels = np.digitize(values[:, LENGTH] - last, [-MOVE, MOVE])
    return split_of(rows, labels, hour // (HOURS // 2), truth=probabilities(mean - last, volatility * NOISE))


def expected(last: Reals, hour: NDArray[np.int64], strength: float) -> Reals:
    """The expected next value [n] after the last four [n, 4], the latest last."""
    fourth, third, second, first = last.T
    half = np.where(hour < HOURS // 2, 1.0, -1.0)
    products = 1.3 * np.tanh(2.5 * first * second) * half
    return np.asarray(strength * (products + 0.6 * np.tanh(3 * third) - 0.5 * first * (fourth > 0)))


def probabilities(expected_move: Reals, noise: float) -> Reals:
    """Of down, flat and up [n, 3]."""
    down = norm.cdf((-MOVE - expected_move) / noise)
    up = norm.sf((MOVE - expected_move) / noise)
    return np.stack([down, np.maximum(1 - down - up, 0), up], axis=1)
