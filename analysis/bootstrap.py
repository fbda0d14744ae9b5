"""The cluster bootstrap: how often each row is drawn, Spearman's correlation of every resample, percentile intervals.

A resample is a vector of multiplicities, one per row. Its average ranks are cumulated multiplicities in the order of
the original column, so a column is sorted once, whatever the number of resamples.
"""

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
Labels = npt.NDArray[np.int64]
Positions = npt.NDArray[np.intp]
Sorted = tuple[Positions, Positions | None]

CONSTANT = 1e-12  # of the largest variance that ranks can have: less is none
BLOCK = 64  # resamples at a time: the ranks stay in the cache, and memory does not grow with the draws


def cluster_counts(clusters: Labels, draws: int, rng: np.random.Generator) -> Array:
    """How often each row is drawn in each resample, (draws, rows): clusters drawn with replacement, then rows within
    each drawn cluster.

    `clusters` is (rows,), any labels. With one cluster this is the ordinary bootstrap of its rows.
    """
    names, codes, sizes = np.unique(clusters, return_inverse=True, return_counts=True)
    drawn = _multiplicities(len(names), draws, rng)
    counts = np.zeros((draws, len(clusters)))
    for code, size in enumerate(sizes):
        counts[:, codes == code] = rng.multinomial(drawn[:, code] * size, np.full(size, 1 / size))
    return counts


def blocks(draws: int) -> Iterator[int]:
    """The sizes of the blocks that make up `draws` resamples."""
    for start in range(0, draws, BLOCK):
        yield min(BLOCK, draws - start)


def bootstrap_spearman(x: Array, columns: Array, clusters: Labels, *, draws: int, rng: np.random.Generator) -> Array:
    """Spearman's correlation of x with each column in each resample of clusters, then of rows, (draws, columns).

    x is (rows,), complete; columns is (rows, columns), where NaN leaves the row out of that column's pairs. A resample
    in which x or the column is constant gives NaN.
    """
    return _spearman(x, columns, (cluster_counts(clusters, block, rng) for block in blocks(draws)))


def resampled_spearman(x: Array, columns: Array, counts: Array) -> Array:
    """Spearman's correlation of x with each column when row i is there counts[r, i] times, (resamples, columns); a
    count may be any weight. Ties get their average rank.

    x is (rows,), columns (rows, columns), counts (resamples, rows). Equals scipy.stats.spearmanr on the repeated rows.
    """
    return _spearman(x, columns, (counts[start : start + BLOCK] for start in range(0, len(counts), BLOCK)))


def percentile_interval(draws: Array, *, confidence: float = 0.95) -> tuple[Array, Array]:
    """The lower and upper end per column of (draws, columns): the central share `confidence` of the finite draws; NaN
    where there is none.
    """
    low, high = np.full(draws.shape[1], np.nan), np.full(draws.shape[1], np.nan)
    for column, values in enumerate(draws.T):
        finite = values[np.isfinite(values)]
        if len(finite):
            low[column], high[column] = np.quantile(finite, [(1 - confidence) / 2, (1 + confidence) / 2])
    return low, high


def _multiplicities(items: int, draws: int, rng: np.random.Generator) -> Labels:
    """How often each of `items` equal items is drawn in `items` draws with replacement, (draws, items)."""
    chosen = rng.integers(items, size=(draws, items)) + items * np.arange(draws)[:, None]
    return np.bincount(chosen.ravel(), minlength=draws * items).reshape(draws, items)


def _spearman(x: Array, columns: Array, counts: Iterable[Array]) -> Array:
    """The correlations of all blocks of counts, one below another. Columns with the same gaps share the ranks of x."""
    patterns, pattern_of = np.unique(~np.isnan(columns), axis=1, return_inverse=True)
    shared = []
    for index, rows in enumerate(patterns.T):
        members = np.flatnonzero(pattern_of == index)
        if rows.any():
            orders = [_order_and_groups(columns[rows, member]) for member in members]
            shared.append((rows, members, _order_and_groups(x[rows]), orders))
    result = [np.empty((0, columns.shape[1]))]
    for block in counts:
        result.append(np.full((len(block), columns.shape[1]), np.nan))
        for rows, members, of_x, of_columns in shared:
            chosen = np.ascontiguousarray(block[:, rows])  # as indexed it has its columns one after the other
            result[-1][:, members] = _spearman_of_block(of_x, of_columns, chosen)
    return np.concatenate(result)


def _spearman_of_block(of_x: Sorted, of_columns: list[Sorted], counts: Array) -> Array:
    """The same for one block of counts (resamples, rows), without gaps. Of whole counts only the end rounds, and they
    are cumulated as integers: numpy does that ten times as fast as with floats.

    With ranks r and s, n the sum of the counts and a group of ties of size g: sum of (r - mean)^2 is (n^3 - sum of g^3)
    / 12. The weights w (r - mean) sum to 0, so s is needed up to a constant alone: the cumulated counts less half the
    own count.
    """
    total = counts.sum(axis=1)
    cubed, cubes_untied = total**3, np.vecdot(counts, counts * counts)
    whole: npt.NDArray[Any] = counts.astype(np.int64)
    if (whole != counts).any():
        whole = counts
    order, starts = of_x
    ordered = whole.take(order, axis=1)
    groups = _grouped(ordered, starts)
    cubes_x = cubes_untied if starts is None else _cubes(groups)
    ranks = np.cumsum(groups, axis=1) - groups / 2
    weighted = np.empty_like(counts)
    weighted[:, order] = ordered * (_ungrouped(ranks, starts, len(order)) - total[:, None] / 2)
    half_own = np.vecdot(weighted, counts) / 2
    result = np.empty((len(counts), len(of_columns)))
    for column, (order, starts) in enumerate(of_columns):
        groups, weights = (_grouped(each.take(order, axis=1), starts) for each in (whole, weighted))
        covariance = np.vecdot(weights, np.cumsum(groups, axis=1))
        covariance -= half_own if starts is None else np.vecdot(weights, groups) / 2
        cubes_y = cubes_untied if starts is None else _cubes(groups)
        spread = (cubed - cubes_x) * (cubed - cubes_y)
        varies = spread > CONSTANT * cubed * cubed
        result[:, column] = np.where(varies, 12 * covariance / np.sqrt(np.where(varies, spread, 1)), np.nan)
    return result


def _cubes(groups: npt.NDArray[Any]) -> Array:
    """The sums of the cubed sizes, (resamples,)."""
    sizes = groups.astype(np.float64)
    return np.asarray(np.vecdot(sizes, sizes * sizes))


def _order_and_groups(values: Array) -> Sorted:
    """The order that sorts the values, and where each group of equal values starts in it; None where all differ."""
    order = np.argsort(values, kind="stable")
    starts = np.flatnonzero(np.r_[True, np.diff(values[order]) != 0])
    return order, None if len(starts) == len(values) else starts


def _grouped(ordered: npt.NDArray[Any], starts: Positions | None) -> npt.NDArray[Any]:
    """Sums over the groups of ties of (resamples, rows) already in order, (resamples, groups)."""
    return ordered if starts is None else np.add.reduceat(ordered, starts, axis=1)


def _ungrouped(groups: Array, starts: Positions | None, rows: int) -> Array:
    """Each group's value for each of its rows, (resamples, rows)."""
    return groups if starts is None else np.repeat(groups, np.diff(np.r_[starts, rows]), axis=1)
