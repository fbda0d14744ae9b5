"""Whether seeds of one model fall into two groups: then the mean moves because ever more seeds succeed.

Source: Zhao et al. 2025, "Distributional Scaling Laws for Emergent Capabilities" (arXiv 2502.17356).
"""

from dataclasses import dataclass

import numpy as np

from analysis.jumps.comparison import ALPHA, Comparison, p_value
from analysis.jumps.curve import curve_over_scale
from analysis.jumps.families import Array

FEWEST_SEEDS = 10
SEPARATION = 4.0  # between the groups, in standard deviations within them
SMALLEST_GROUP = 2


@dataclass(frozen=True)
class Mixture:
    """Two groups of seeds: x (positions,), the share in the upper group at each x, the p that the most clearly split
    x has one normal group, and whether the groups are a mixture whose share rises smoothly.
    """

    x: Array
    success: Array
    p_one_group: float
    found: bool


def mixture(x: Array, values: Array, *, draws: int, rng: np.random.Generator) -> Mixture | None:
    """The mixture of seeds along a curve, from one value per run, x and values (runs,); None where no x has 10 seeds.

    At each x with 10 seeds the values are split where the sum of squares within both groups is least; its share of
    the whole is compared with that of normal samples (the least over as many x). Between two split positions or more,
    success is a value above the middle between the groups. The share of success is itself judged as a curve of zeros
    and ones.
    """
    points, where, counts = np.unique(x, return_inverse=True, return_counts=True)
    enough = np.flatnonzero(counts >= FEWEST_SEEDS)
    if not len(enough):
        return None
    splits = [_split(np.sort(values[where == index])[None]) for index in enough]
    ratios = np.array([split.within[0] for split in splits])
    null = np.min([_split(np.sort(rng.normal(size=(draws, counts[index])), axis=1)).within for index in enough], axis=0)
    p_values = [p_value(-float(ratio), -null) for ratio in ratios]
    apart = [p < ALPHA and split.separation[0] > SEPARATION for p, split in zip(p_values, splits, strict=True)]
    middles = np.array([split.middle[0] for split in splits])
    middle = float(np.median(middles[apart])) if any(apart) else float(np.median(middles))
    success = (values > middle).astype(float)
    share = np.bincount(where, success) / counts
    mixed = sum(apart) > 1 and _share_jumps(x, success, draws, rng) >= ALPHA
    return Mixture(points, share, min(p_values), mixed)


@dataclass(frozen=True)
class _Split:
    within: Array  # share of the sum of squares that is left within the groups
    separation: Array
    middle: Array


def _split(ordered: Array) -> _Split:
    """The best split in two of sorted samples (samples, seeds), at least two seeds in a group."""
    seeds = ordered.shape[1]
    lower = np.arange(SMALLEST_GROUP, seeds - SMALLEST_GROUP + 1)
    cumulated = np.cumsum(ordered, axis=1)
    low = cumulated[:, lower - 1] / lower
    high = (cumulated[:, [-1]] - cumulated[:, lower - 1]) / (seeds - lower)
    total = np.maximum(np.var(ordered, axis=1) * seeds, 1e-300)
    between = lower * (seeds - lower) / seeds * (high - low) ** 2
    best = between.argmax(axis=1)
    rows = np.arange(len(ordered))
    within = np.maximum(1 - between[rows, best] / total, 0)
    apart = high[rows, best] - low[rows, best]
    deviation = np.sqrt(within * total / (seeds - 2))
    separation = np.where(apart > 0, apart / np.maximum(deviation, 1e-300), 0.0)
    return _Split(within, separation, (high[rows, best] + low[rows, best]) / 2)


def _share_jumps(x: Array, success: Array, draws: int, rng: np.random.Generator) -> float:
    comparison = Comparison(curve_over_scale(x, success))
    smooth = np.array([fit.at(comparison.curve.u) for fit in comparison.fit("smooth")])
    null = comparison.replicates(smooth, draws, rng).gain("smooth", "jump")
    return p_value(float(comparison.observed.gain("smooth", "jump")[0]), null)
