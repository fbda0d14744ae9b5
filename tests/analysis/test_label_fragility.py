"""The fewest models that a correlation's label hangs on: all removals, by an independent implementation."""

from itertools import combinations

import numpy as np
import pytest
from scipy.stats import spearmanr

from analysis.label_fragility import LINE, fewest_to_cross, label_fragility


def by_hand(x: np.ndarray, y: np.ndarray) -> tuple[int, float] | None:
    """How many models, and the correlation furthest across the line without that many."""
    below = abs(spearmanr(x, y).statistic) < LINE
    for size in (1, 2, 3):
        found = [spearmanr(np.delete(x, k), np.delete(y, k)).statistic for k in combinations(range(len(x)), size)]
        across = [value for value in found if (abs(value) < LINE) != below]
        if across:
            return size, (max if below else min)(across, key=abs)
    return None


@pytest.mark.parametrize("seed", range(8))
def test_it_is_what_trying_all_removals_gives(seed: int) -> None:
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=12), rng.integers(0, 5, size=12).astype(float)  # ties
    removal, then = fewest_to_cross(x, y)
    expected = by_hand(x, y)
    if expected is None:
        assert removal == ()
        assert then is None
    else:
        assert len(removal) == expected[0]
        assert then == pytest.approx(expected[1])
        assert then == pytest.approx(spearmanr(np.delete(x, removal), np.delete(y, removal)).statistic)


def test_of_many_models_one_that_holds_the_correlation_up_is_found() -> None:
    rng = np.random.default_rng(1)
    x, noise = np.arange(500.0), rng.normal(scale=150, size=500)
    blends = [share * x + noise for share in np.linspace(0.2, 0.8, 400)]
    y = min((each for each in blends if spearmanr(x, each).statistic >= LINE), key=lambda v: spearmanr(x, v).statistic)
    removal, then = fewest_to_cross(x, y)
    assert len(removal) == 1
    assert then is not None
    assert then == pytest.approx(spearmanr(np.delete(x, removal), np.delete(y, removal)).statistic)
    assert then < LINE


def test_a_clear_correlation_hangs_on_no_three_models() -> None:
    x = np.arange(40.0)
    assert fewest_to_cross(x, x + 0.0) == ((), None)


def test_models_without_a_value_are_left_out_and_names_are_those_of_the_table() -> None:
    x = np.array([1.0, 2, 3, 4, 5, 6])
    y = np.array([1.0, 2, 3, np.nan, 5, -9])
    found = label_fragility(list("abcdef"), x, y[:, None], ["m"], "pc1").row(0, named=True)
    assert (found["n"], found["fewest"], found["removed"]) == (5, 1, "f")
    assert found["estimate"] == pytest.approx(0.0, abs=1e-12)
    assert found["estimate_then"] == pytest.approx(1.0)


def test_no_row_where_there_is_no_correlation() -> None:
    x = np.arange(5.0)
    columns = np.stack([np.full(5, 2.0), np.array([1, np.nan, np.nan, np.nan, 2])], axis=1)
    assert label_fragility(list("abcde"), x, columns, ["constant", "rare"], "pc1").is_empty()
