import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import spearmanr

from analysis.bootstrap import (
    BLOCK,
    blocks,
    bootstrap_spearman,
    cluster_counts,
    percentile_interval,
    resampled_spearman,
)


@given(st.integers(0, 10_000), st.integers(2, 40), st.sampled_from([2, 5, 1000]))
def test_counts_give_the_correlation_of_the_repeated_rows(seed: int, rows: int, levels: int) -> None:
    rng = np.random.default_rng(seed)
    x = rng.integers(levels, size=rows).astype(float)
    columns = rng.integers(levels, size=(rows, 3)).astype(float)
    columns[rng.random(columns.shape) < 0.1] = np.nan
    counts = cluster_counts(np.arange(rows) % 3, 4, rng)
    fast = resampled_spearman(x, columns, counts)
    for draw in range(4):
        repeated = np.repeat(np.arange(rows), counts[draw].astype(int))
        for column in range(3):
            kept = repeated[~np.isnan(columns[repeated, column])]
            if len(np.unique(x[kept])) < 2 or len(np.unique(columns[kept, column])) < 2:
                assert np.isnan(fast[draw, column])
            else:
                assert fast[draw, column] == pytest.approx(spearmanr(x[kept], columns[kept, column])[0], abs=1e-12)


def test_weights_are_copies_of_any_size() -> None:
    """A weighted correlation of ranks, each the weight of what lies below it and half of what is level with it."""
    rng = np.random.default_rng(4)
    x, y = rng.integers(6, size=14).astype(float), rng.integers(5, size=14).astype(float)
    weights = rng.gamma(2.0, size=(20, 14))
    found = resampled_spearman(x, y[:, None], weights)[:, 0]
    for draw, own in enumerate(weights):
        a, b = ([own[v < each].sum() + own[v == each].sum() / 2 for each in v] for v in (x, y))
        cov = np.cov(a, b, aweights=own)
        assert found[draw] == pytest.approx(cov[0, 1] / np.sqrt(cov[0, 0] * cov[1, 1]), abs=1e-12)
    counts = cluster_counts(np.zeros(14, dtype=np.int64), 20, rng)
    whole = resampled_spearman(x, y[:, None], counts)
    np.testing.assert_allclose(resampled_spearman(x, y[:, None], 0.3 * counts), whole, atol=1e-12)
    assert np.isnan(resampled_spearman(x, np.ones((14, 1)), weights)).all()


def test_more_draws_than_a_block_are_as_right_as_one() -> None:
    rng = np.random.default_rng(1)
    x, columns = rng.normal(size=20), rng.normal(size=(20, 2))
    counts = cluster_counts(np.zeros(20, dtype=np.int64), 300, rng)
    one_by_one = np.concatenate([resampled_spearman(x, columns, row[None]) for row in counts])
    np.testing.assert_allclose(resampled_spearman(x, columns, counts), one_by_one, atol=1e-12)


def test_a_correlation_does_not_see_a_monotone_change_nor_the_order_of_rows() -> None:
    rng = np.random.default_rng(2)
    x, columns, order = rng.normal(size=30), rng.normal(size=(30, 2)), rng.permutation(30)
    counts = cluster_counts(np.arange(30) // 6, 50, rng)
    plain = resampled_spearman(x, columns, counts)
    np.testing.assert_allclose(resampled_spearman(np.exp(x), columns**3, counts), plain, atol=1e-12)
    np.testing.assert_allclose(resampled_spearman(x[order], columns[order], counts[:, order]), plain, atol=1e-12)


def test_clusters_come_whole_and_each_draw_has_as_many_as_there_are() -> None:
    clusters = np.repeat([7, 3, 5], [4, 4, 4])
    counts = cluster_counts(clusters, 2000, np.random.default_rng(3))
    assert (counts.sum(axis=1) == 12).all()
    of_cluster = np.stack([counts[:, clusters == name].sum(axis=1) for name in (3, 5, 7)], axis=1)
    assert set(np.unique(of_cluster)) == {0, 4, 8, 12}
    # Three clusters drawn of three: all different with probability 3!/27.
    assert (of_cluster == 4).all(axis=1).mean() == pytest.approx(6 / 27, abs=0.03)
    assert counts.mean(axis=0) == pytest.approx(1, abs=0.1)


def test_the_spread_of_the_bootstrap_is_that_of_the_estimator() -> None:
    rng = np.random.default_rng(4)
    noise = rng.normal(size=(2, 400, 60))
    estimates = [spearmanr(x, x + y)[0] for x, y in zip(noise[0], noise[1], strict=True)]
    x, y = noise[:, 0]
    drawn = bootstrap_spearman(x, (x + y)[:, None], np.zeros(60, dtype=np.int64), draws=2000, rng=rng)
    assert drawn.std() == pytest.approx(np.std(estimates), rel=0.35)


def test_the_generator_alone_decides_the_draws() -> None:
    x, columns, clusters = np.arange(12.0), np.arange(12.0)[:, None] ** 2 % 7, np.arange(12) // 3
    drawn = [bootstrap_spearman(x, columns, clusters, draws=200, rng=np.random.default_rng(s)) for s in (5, 5, 6)]
    np.testing.assert_array_equal(drawn[0], drawn[1])
    assert not np.array_equal(drawn[0], drawn[2])


def test_an_interval_is_made_of_the_finite_draws() -> None:
    draws = np.stack([np.arange(101.0), np.full(101, np.nan)], axis=1)
    draws[0, 0] = np.nan
    low, high = percentile_interval(draws, confidence=0.9)
    assert (low[0], high[0]) == (pytest.approx(5.95), pytest.approx(95.05))
    assert np.isnan(low[1])
    assert np.isnan(high[1])


@pytest.mark.parametrize("draws", [0, 1, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK + 7])
def test_blocks_are_together_all_draws_and_none_is_larger_than_one(draws: int) -> None:
    sizes = list(blocks(draws))
    assert sum(sizes) == draws
    assert max(sizes, default=0) <= BLOCK
