"""The cluster bootstrap: how often each row is drawn, Spearman's correlation of every resample, percentile intervals.

A resample is a vector of multiplicities, one per row. Its average ranks are cumulated multiplicities in the order of
the original column, so a column is sorted once, whatever the number of resamples.
"""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
Labels = npt.NDArray[np.int64]

BLOCK = 128  # resamples at a time: the ranks stay in the cache, and memory does not grow with the draws


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
    return np.concatenate(
        [np.empty((0, columns.shape[1]))]
        + [resampled_spearman(x, columns, cluster_counts(clusters, block, rng)) for block in blocks(draws)]
    )


def resampled_spearman(x: Array, columns: Array, counts: Array) -> Array:
    """Spearman's correlation of x with each column when row i is there counts[r, i] times, (resamples, columns). Ties
    get their average rank.

    x is (rows,), columns (rows, columns), counts (resamples, rows). Equals scipy.stats.spearmanr on the repeated rows.
    """
    result = np.full((len(counts), columns.shape[1]), np.nan)
    present = ~np.isnan(columns)
    patterns, pattern_of = np.unique(present, axis=1, return_inverse=True)
    for index in range(patterns.shape[1]):
        rows, members = patterns[:, index], np.flatnonzero(pattern_of == index)
        if rows.any():
            for start in range(0, len(counts), BLOCK):
                block = np.ascontiguousarray(counts[start : start + BLOCK, rows].T)
                result[start : start + BLOCK, members] = _spearman_of_block(
                    x[rows], columns[np.ix_(rows, members)], block
                )
    return result


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


def _spearman_of_block(x: Array, columns: Array, counts: Array) -> Array:
    """The same for counts as (rows, resamples), without gaps."""
    total = counts.sum(axis=0)
    cubed = total**3
    cubes_untied = np.einsum("ij,ij,ij->j", counts, counts, counts)
    order, starts = _order_and_groups(x)
    ranks, cubes_x = _ranks(counts[order], starts, cubes_untied)
    weighted = np.empty_like(counts)
    weighted[order] = counts[order] * (ranks - total / 2)
    result = np.empty((counts.shape[1], columns.shape[1]))
    for column in range(columns.shape[1]):
        order, starts = _order_and_groups(columns[:, column])
        ranks, cubes_y = _ranks(counts[order], starts, cubes_untied)
        covariance = np.einsum("ij,ij->j", weighted[order], ranks)
        # 12 sum (rank - mean)^2 = n^3 - sum over groups of ties of (size)^3: no second pass, and exact in integers.
        spread = (cubed - cubes_x) * (cubed - cubes_y)
        result[:, column] = np.where(spread > 0, 12 * covariance / np.sqrt(np.where(spread > 0, spread, 1)), np.nan)
    return result


def _order_and_groups(values: Array) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp] | None]:
    """The order that sorts the values, and where each group of equal values starts in it; None for the groups where all
    differ.
    """
    order = np.argsort(values, kind="stable")
    starts = np.flatnonzero(np.r_[True, np.diff(values[order]) != 0])
    return order, None if len(starts) == len(values) else starts


def _ranks(counts: Array, starts: npt.NDArray[np.intp] | None, cubes_untied: Array) -> tuple[Array, Array]:
    """Average ranks less 1/2, (rows, resamples), of rows already in order, and the sum over groups of ties of their
    size cubed, (resamples,).
    """
    if starts is None:
        return np.cumsum(counts, axis=0) - counts / 2, cubes_untied
    groups = np.add.reduceat(counts, starts, axis=0)
    ranks = np.cumsum(groups, axis=0) - groups / 2
    return np.repeat(ranks, np.diff(np.r_[starts, len(counts)]), axis=0), np.einsum(
        "ij,ij,ij->j", groups, groups, groups
    )
