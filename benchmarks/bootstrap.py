"""Bootstrap of Spearman's correlation: resampling counts against the plain loop, in one run on one core.

300 rows, 30 columns, 10,000 resamples of 10 clusters. The loop does fewer resamples, each as dear as the next, and is
scaled up; the counts include drawing the resamples.

    OMP_NUM_THREADS=1 python benchmarks/bootstrap.py
"""

import time

import numpy as np
from scipy.stats import rankdata

from analysis.bootstrap import bootstrap_spearman, cluster_counts, resampled_spearman

ROWS, COLUMNS, CLUSTERS, DRAWS, LOOP_DRAWS, REPEATS = 300, 30, 10, 10_000, 100, 5


def plain_loop(x: np.ndarray, columns: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Repeat the rows, rank them, correlate the ranks: a resample and a column at a time."""
    result = np.empty((len(counts), columns.shape[1]))
    for draw, count in enumerate(counts.astype(int)):
        rows = np.repeat(np.arange(len(x)), count)
        ranks = rankdata(x[rows])
        for column in range(columns.shape[1]):
            result[draw, column] = np.corrcoef(ranks, rankdata(columns[rows, column]))[0, 1]
    return result


def main() -> None:
    """Print seconds of both, over several repeats, and their largest difference."""
    rng = np.random.default_rng(0)
    clusters = np.arange(ROWS) % CLUSTERS
    x, columns = rng.normal(size=ROWS), rng.normal(size=(ROWS, COLUMNS))
    fast, slow = [], []
    for _ in range(REPEATS):
        start = time.perf_counter()
        bootstrap_spearman(x, columns, clusters, draws=DRAWS, rng=rng)
        fast.append(time.perf_counter() - start)
        counts = cluster_counts(clusters, LOOP_DRAWS, rng)
        start = time.perf_counter()
        looped = plain_loop(x, columns, counts)
        slow.append((time.perf_counter() - start) * DRAWS / LOOP_DRAWS)
    difference = np.abs(looped - resampled_spearman(x, columns, counts)).max()
    print(f"counts: {np.median(fast):.2f} s ({min(fast):.2f} to {max(fast):.2f}) for {DRAWS} resamples")
    print(
        f"loop:   {np.median(slow):.1f} s ({min(slow):.1f} to {max(slow):.1f}), scaled up from {LOOP_DRAWS} resamples"
    )
    print(f"ratio:  {np.median(slow) / np.median(fast):.0f}, largest difference {difference:.1e}")


if __name__ == "__main__":
    main()
