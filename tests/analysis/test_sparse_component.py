"""The component of tables with gaps: the whole one's where there are none, near it where half of the cells are gone."""

import numpy as np
import pytest

from analysis.capability import leading_component
from analysis.sparse_component import enough, sparse_component


def drawn(models: int = 60, columns: int = 12, seed: int = 0) -> np.ndarray:
    """Benchmarks that share one factor, each on its own scale."""
    rng = np.random.default_rng(seed)
    factor = rng.normal(size=(models, 1))
    return (2 * factor + rng.normal(size=(models, columns))) * rng.uniform(0.1, 10, size=columns) + 3


def test_without_gaps_it_is_the_component_of_the_fitted_rows() -> None:
    values = drawn()
    fitted = np.arange(60) < 40
    found = sparse_component(values, fitted)
    assert found is not None
    weights, explained = leading_component(values[fitted])
    standard = (values - values[fitted].mean(0)) / values[fitted].std(0)
    assert found.scores == pytest.approx(standard @ (weights * np.sign(weights.sum())), abs=1e-12)
    assert found.explained == explained
    assert (found.errors == 0).all()


@pytest.mark.parametrize("seed", range(5))
def test_with_half_of_the_cells_gone_the_score_is_nearly_the_same(seed: int) -> None:
    values = drawn(seed=seed)
    gaps = np.random.default_rng(seed).random(values.shape) < 0.5
    everyone = np.ones(60, bool)
    whole, found = sparse_component(values, everyone), sparse_component(np.where(gaps, np.nan, values), everyone)
    assert whole is not None
    assert found is not None
    scored = np.isfinite(found.scores)
    assert np.corrcoef(whole.scores[scored], found.scores[scored])[0, 1] > 0.98
    apart = (found.scores - whole.scores)[scored] / found.errors[scored]
    assert 0.7 < apart.std() < 2.2


def test_a_model_that_took_the_hard_benchmarks_alone_is_not_weak_for_that() -> None:
    rng = np.random.default_rng(1)
    factor = rng.normal(size=200)
    easy, hard = (factor[:, None] + rng.normal(size=(200, 4)) / 4 + level for level in (2, -2))
    values = np.concatenate([easy, hard], axis=1)
    strong = factor > 0
    values[strong, :4] = np.nan  # who is able takes the hard ones, who is not the easy ones
    values[~strong, 5:] = np.nan
    found = sparse_component(values, np.ones(200, bool))
    assert found is not None
    assert np.corrcoef(found.scores, factor)[0, 1] > 0.95


@pytest.mark.parametrize(("columns", "least"), [(1, 1), (2, 2), (3, 3), (5, 3), (9, 3), (12, 4), (50, 17)])
def test_how_many_benchmarks_are_enough(columns: int, least: int) -> None:
    assert enough(columns) == least


def test_who_has_too_few_has_no_score() -> None:
    values = drawn()
    values[0, 3:] = np.nan
    found = sparse_component(values, np.ones(60, bool))
    assert found is not None
    assert np.isnan(found.scores[0])
    assert np.isfinite(found.scores[1:]).all()


def test_a_constant_benchmark_takes_no_part() -> None:
    values = drawn(columns=4)
    values[:, 2] = 7.0
    found = sparse_component(values, np.ones(60, bool))
    assert found is not None
    assert found.columns == [0, 1, 3]
    assert sparse_component(np.full((9, 2), 1.0), np.ones(9, bool)) is None


def test_a_benchmark_that_is_constant_among_the_scored_takes_no_part() -> None:
    """Another value of it is that of a model with nothing else, which has no score; `held` counts what takes part."""
    values = drawn(13, 5)
    values[:, 4] = [1.0] * 12 + [2.0]
    values[12, :4] = np.nan
    found, without = sparse_component(values, np.ones(13, bool)), sparse_component(values[:, :4], np.ones(13, bool))
    assert found is not None
    assert without is not None
    assert found.columns == [0, 1, 2, 3]
    assert np.array_equal(found.scores, without.scores, equal_nan=True)
    assert found.held.tolist() == [4] * 12 + [0]
