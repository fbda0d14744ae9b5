import numpy as np
import pytest

from analysis.jumps.mixture import mixture

X = np.tile(np.arange(10.0), 12)


def _found(values: np.ndarray, seed: int = 0) -> bool:
    result = mixture(X, values, draws=199, rng=np.random.default_rng(seed))
    assert result is not None
    return result.found


def test_seeds_that_succeed_ever_more_often_are_a_mixture() -> None:
    found = 0
    for seed in range(10):
        rng = np.random.default_rng(seed)
        found += _found((rng.random(len(X)) < (X + 0.5) / 10) + rng.normal(0, 0.05, len(X)), seed)
    assert found >= 8


def test_the_share_of_success_is_counted() -> None:
    success = np.arange(len(X)) // 10 < X + 1
    result = mixture(
        X, success + np.random.default_rng(0).normal(0, 0.02, len(X)), draws=199, rng=np.random.default_rng(1)
    )
    assert result is not None
    assert result.success == pytest.approx(np.arange(1, 11) / 12)
    assert result.p_one_group == pytest.approx(0.005)


@pytest.mark.parametrize("shape", ["line", "step"])
def test_one_group_of_seeds_is_no_mixture(shape: str) -> None:
    rng = np.random.default_rng(0)
    truth = X / 9 if shape == "line" else 1.0 * (X > 4.5)
    assert sum(_found(truth + rng.normal(0, 0.1, len(X)), seed) for seed in range(20)) <= 2


def test_nothing_is_said_of_few_seeds() -> None:
    x = np.tile(np.arange(10.0), 9)
    assert mixture(x, x, draws=99, rng=np.random.default_rng(0)) is None


@pytest.mark.parametrize(("spread", "apart"), [(0.2, True), (0.4, False)])
def test_groups_of_seeds_lie_four_deviations_apart(spread: float, apart: bool) -> None:
    """Of 30 seeds a model, five deviations are two groups, two and a half may be one."""
    x, found = np.tile(np.arange(10.0), 30), []
    for seed in range(8):
        rng = np.random.default_rng(seed)
        values = (rng.random(len(x)) < (x + 0.5) / 10) + rng.normal(0, spread, len(x))
        result = mixture(x, values, draws=199, rng=np.random.default_rng(seed))
        found.append(result is not None and result.found)
    assert np.mean(found) >= 0.8 if apart else np.mean(found) <= 0.2
