"""Effects over pairs: closed forms, an independent implementation row by row, and errors that hold under reuse."""

from typing import Any

import numpy as np
import pytest
import statsmodels.api as sm
from scipy import stats

from analysis.pairs.effects import Pairs, beyond, difference, line, outside


@pytest.fixture
def table() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, Pairs]:
    """score, y, rungs, families and pairs of 20 baselines in 5 families and 12 models, some with gaps."""
    rng = np.random.default_rng(3)
    families = np.repeat(np.arange(5), 4)
    score = np.concatenate([rng.normal(size=20), rng.normal(size=12)])
    y = 2 * score + rng.normal(size=32)
    score[3] = y[7] = y[25] = np.nan
    base = rng.integers(0, 20, size=12)
    pairs = Pairs(np.arange(20, 32), base, families[base])
    return score, y, np.arange(32) < 20, np.concatenate([families, families[base]]), pairs


def by_hand(score: np.ndarray, y: np.ndarray, rungs: np.ndarray, families: np.ndarray, pairs: Pairs) -> list[float]:
    """D, its jackknife error and degrees of freedom, a row at a time with statsmodels."""

    def d(without: int | None) -> float:
        kept = [k for k in range(len(y)) if rungs[k] and families[k] != without and np.isfinite(score[k] + y[k])]
        slope = sm.OLS(y[kept], sm.add_constant(score[kept])).fit().params[1]
        found = [
            y[m] - y[b] - slope * (score[m] - score[b])
            for m, b, f in zip(pairs.models, pairs.baselines, pairs.families, strict=True)
            if f != without and np.isfinite(y[m] + y[b] + score[m] + score[b])
        ]
        return float(np.mean(found))

    each = np.array([d(family) for family in range(5)])
    held = {
        f
        for m, b, f in zip(pairs.models, pairs.baselines, pairs.families, strict=True)
        if np.isfinite(y[m] + y[b] + score[m] + score[b])
    }
    return [d(None), float(np.sqrt(4 / 5 * ((each - each.mean()) ** 2).sum())), len(held) - 1]


def test_d_and_its_error_are_those_of_an_independent_implementation(table: Any) -> None:
    score, y, rungs, families, pairs = table
    ladder = line(score, y, rungs, families)
    assert ladder is not None
    found = beyond(y, score, pairs, ladder)
    point, error, df = by_hand(*table)
    assert found.point == pytest.approx(point, abs=1e-12)
    assert found.error == pytest.approx(error, abs=1e-12)
    assert found.df == df
    assert found.interval == pytest.approx(
        (point - stats.t.ppf(0.975, df) * error, point + stats.t.ppf(0.975, df) * error)
    )


def test_t_counts_every_pair_that_has_both_cells(table: Any) -> None:
    _, y, _, _, pairs = table
    change = y[pairs.models] - y[pairs.baselines]
    found = difference(y, pairs)
    assert found.point == pytest.approx(np.nanmean(change))
    assert found.pairs == np.isfinite(change).sum()


def test_what_capability_makes_is_no_effect_beyond_it() -> None:
    score = np.array([0.0, 1.0, 2.0, 3.0, 4.0, 1.5, 3.5])
    y = 5 - 2 * score
    pairs = Pairs(np.array([5, 6]), np.array([0, 2]), np.array([0, 1]))
    ladder = line(score, y, np.arange(7) < 5, np.array([0, 0, 1, 1, 2, 0, 1]))
    assert ladder is not None
    assert difference(y, pairs).point == -3.0
    found = beyond(y, score, pairs, ladder)
    assert found.point == pytest.approx(0, abs=1e-12)
    assert found.error == pytest.approx(0, abs=1e-12)
    assert outside(score, Pairs(np.array([5, 6]), np.array([0, 2]), np.array([0, 1])), ladder).tolist() == [
        False,
        False,
    ]


def test_pairs_of_one_family_have_an_estimate_and_no_error() -> None:
    found = difference(np.array([0.0, 1.0, 2.0]), Pairs(np.array([1, 2]), np.array([0, 0]), np.array([4, 4])))
    assert found.point == 1.5
    assert np.isnan(found.error)
    assert np.isnan(found.interval).all()


def test_no_pairs_have_no_estimate() -> None:
    none = np.zeros(0, dtype=np.int64)
    assert np.isnan(difference(np.zeros(3), Pairs(none, none, none)).point)


def test_an_interval_holds_where_pairs_share_baselines() -> None:
    """Nine pairs in ten share one of five baselines, whose noise they all have; nothing was done to any."""
    rng = np.random.default_rng(0)
    covered, naive = 0, 0
    for _ in range(300):
        base = np.concatenate([np.zeros(36, dtype=np.int64), np.arange(1, 5)])
        y = np.concatenate([rng.normal(size=5), rng.normal(size=40) / 3])
        found = difference(y, Pairs(np.arange(5, 45), base, base))
        change = y[5:] - y[base]
        half = stats.t.ppf(0.975, 39) * change.std(ddof=1) / np.sqrt(40)
        covered += abs(found.point) <= found.interval[1] - found.point
        naive += abs(change.mean()) <= half
    assert covered >= 258  # 86 %: nine tenths of all rest on one baseline
    assert naive < 150  # of pairs taken for independent ones not half hold


@pytest.mark.parametrize(
    "sizes", [(36, 1, 1, 1, 1), (20, 20, 1, 1, 1), (44, 3, 2, 2, 1, 1, 1, 1, 1), (3, 1, 1), (8,) * 5]
)
def test_the_effective_number_of_families_holds_the_level_where_they_differ_in_size(sizes: tuple[int, ...]) -> None:
    rng = np.random.default_rng(1)
    of_family = np.repeat(np.arange(len(sizes)), sizes)
    pairs = Pairs(np.arange(len(sizes), len(sizes) + len(of_family)), of_family, of_family)
    missed = 0
    for _ in range(600):
        y = np.concatenate([rng.normal(size=len(sizes)), rng.normal(size=len(of_family))])
        found = difference(y, pairs)
        missed += abs(found.point) > stats.t.isf(0.025, found.effective_df) * found.error
    assert missed <= 42  # 7 % of 600; by the number of families up to 16 % are


def test_families_of_equal_size_count_one_each() -> None:
    found = difference(np.arange(12.0), Pairs(np.arange(4, 12), np.repeat(np.arange(4), 2), np.repeat(np.arange(4), 2)))
    assert (found.effective, found.effective_df, found.df) == (4.0, 3.0, 3)
