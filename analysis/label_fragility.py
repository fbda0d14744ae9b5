"""Fragility of a correlation's label: the fewest models without which it lies on the other side of the line that Ren et
al. (2024) draw at 0.4, the score of each model held fixed.

All removals of one, two and three models are tried where they are few enough; beyond that it is greedy: to the models
already removed each of a few is added whose ranks alone hold the correlation on its side of the line the most.
"""

from collections.abc import Iterable
from itertools import combinations
from math import comb

import numpy as np
import numpy.typing as npt
import polars as pl
from scipy.stats import rankdata

from analysis.bootstrap import resampled_spearman
from analysis.correlation import FEWEST_PAIRS
from analysis.schema import Table

Array = npt.NDArray[np.float64]
Removal = tuple[int, ...]

LINE = 0.4  # of the correlation's magnitude: a measurement below it is called separable
MOST = 3
WORK = 150_000  # removals times models, up to which all of a size are tried
CANDIDATES = 8

LABEL_FRAGILITY = Table(
    name="label_fragility",
    columns={
        "measurement": pl.String,
        "score": pl.String,
        "estimate": pl.Float64,
        "n": pl.Int64,
        "fewest": pl.Int64,  # models without which the correlation's magnitude crosses 0.4; null where no three do
        "removed": pl.String,  # their names
        "estimate_then": pl.Float64,
    },
    key=("measurement", "score"),
    nullable=("fewest", "removed", "estimate_then"),
)


def label_fragility(models: list[str], x: Array, columns: Array, names: list[str], score: str) -> pl.DataFrame:
    """The table LABEL_FRAGILITY of columns [model, measurement], NaN where missing, against a score x [model]."""
    rows = []
    for name, y in zip(names, columns.T, strict=True):
        known = np.flatnonzero(~np.isnan(y))
        if len(known) < FEWEST_PAIRS:
            continue
        estimate = _without(x[known], y[known], [()])[0]
        if np.isnan(estimate):
            continue
        removal, then = fewest_to_cross(x[known], y[known])
        removed = ", ".join(models[known[k]] for k in removal) or None
        rows.append((name, score, estimate, len(known), len(removal) or None, removed, then))
    return pl.DataFrame(rows, schema=LABEL_FRAGILITY.columns, orient="row")


def fewest_to_cross(x: Array, y: Array) -> tuple[Removal, float | None]:
    """The fewest rows without which Spearman's correlation of complete x and y crosses the line, those that take it
    furthest across, and what it is then; () and None where no three do.
    """
    below = abs(_without(x, y, [()])[0]) < LINE
    removed: Removal = ()
    for size in range(1, min(MOST, len(x) - FEWEST_PAIRS) + 1):
        if comb(len(x), size) * len(x) <= WORK:
            tried: list[Removal] = list(combinations(range(len(x)), size))
        else:
            tried = [(*removed, k) for k in _holding(x, y, removed, below)]
        then = _without(x, y, tried)
        across = np.where(np.isnan(then), -np.inf, (np.abs(then) - LINE) * (1 if below else -1))
        best = int(across.argmax())
        removed = tried[best]
        if (abs(then[best]) < LINE) != below:
            return tuple(sorted(removed)), float(then[best])
    return (), None


def _without(x: Array, y: Array, removals: Iterable[Removal]) -> Array:
    """The correlation without the rows of each removal, [removal]."""
    each = list(removals)
    counts = np.ones((len(each), len(x)))
    for number, removal in enumerate(each):
        counts[number, list(removal)] = 0
    return resampled_spearman(x, y[:, None], counts)[:, 0]


def _holding(x: Array, y: Array, removed: Removal, below: bool) -> list[int]:
    """Of the rows that are left, those without which the correlation of the ranks, as they are, moves furthest towards
    the line.
    """
    left = np.delete(np.arange(len(x)), removed)
    a, b = (_standard(values[left]) for values in (x, y))
    n = len(left)
    products, squares, others = a * b, a * a, b * b
    covariance = products.sum() - products - products / (n - 1)
    spread = np.sqrt((n - squares - squares / (n - 1)) * (n - others - others / (n - 1)))
    moved = np.abs(covariance / spread)
    return [int(left[k]) for k in np.argsort(-moved if below else moved, kind="stable")[:CANDIDATES]]


def _standard(values: Array) -> Array:
    ranks = rankdata(values)
    return np.asarray((ranks - ranks.mean()) / ranks.std())
