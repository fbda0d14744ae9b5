"""Bootstrap weights: their mean, and that a weighted mean's variance is s^2/k, small strata too."""

import numpy as np
import pytest

from analysis.audit.weights import dirichlet_weights, stratified_weights


@pytest.mark.parametrize("size", [3, 4, 12, 40])
def test_weighted_mean_has_the_variance_of_a_mean(size: int) -> None:
    rng = np.random.default_rng(1)
    x = rng.standard_normal(size)
    means = dirichlet_weights(size, 60_000, rng) @ x / size
    assert means.var() == pytest.approx(x.var(ddof=1) / size, rel=0.03)


def test_strata_keep_their_share() -> None:
    strata = np.array([0, 0, 0, 1, 1, 1, 1])
    weights, df = stratified_weights(strata, 50, np.random.default_rng(0))
    assert df == 5
    assert weights[:, :3].sum(1) == pytest.approx(np.full(50, 3.0))
    assert weights[:, 3:].sum(1) == pytest.approx(np.full(50, 4.0))


def test_a_stratum_of_two_joins_the_others() -> None:
    weights, df = stratified_weights(np.array([0, 0, 0, 5, 5]), 50, np.random.default_rng(0))
    assert df == 4
    assert weights[:, 3:].sum(1).std() > 0


def test_two_units_are_not_resampled() -> None:
    assert np.all(dirichlet_weights(2, 10, np.random.default_rng(0)) == 1)
