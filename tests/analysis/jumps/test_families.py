import numpy as np
import pytest

from analysis.jumps.families import EXPONENTIAL, LINE, LOGISTIC, STEP, bases, families

U = np.linspace(0, 1, 10)


def _rss(name: str, y: np.ndarray) -> float:
    family = bases(families(U, 0.4)[name], U, np.eye(len(U)))
    centred = y - y.mean()
    return float(centred @ centred - family.captured(centred[None])[0].max())


@pytest.mark.parametrize("sign", [1, -1])
def test_a_family_fits_its_own_members_exactly(sign: int) -> None:
    assert _rss("smooth", sign * U) == pytest.approx(0, abs=1e-12)
    assert _rss("smooth", sign / (1 + np.exp(-(U - 0.5) * 2 * np.log(9) / 0.5))) == pytest.approx(0, abs=1e-12)
    assert _rss("smooth", sign * np.exp(-12 * U)) == pytest.approx(0, abs=1e-12)
    assert _rss("jump", sign * (U > 0.5) + 0.3 * U) == pytest.approx(0, abs=1e-12)
    assert _rss("kink", sign * np.maximum(U - 0.5, 0) + U) == pytest.approx(0, abs=1e-12)


def test_no_family_fits_what_it_excludes() -> None:
    assert _rss("smooth", 1.0 * (U > 0.5)) > 0.05
    assert _rss("jump", np.exp(4 * U)) > 0.05
    assert _rss("jump", 1.0 * (np.arange(10) == 9)) > 0.05


def test_a_logistic_has_its_width() -> None:
    grid = families(U, 0.4)["smooth"]
    wanted = (grid.kind == LOGISTIC) & (grid.width == 0.5) & np.isclose(grid.centre, 0.5)
    shape = grid.at(int(np.flatnonzero(wanted)[0])).columns(np.array([0.25, 0.5, 0.75]))[0, :, 0]
    assert shape == pytest.approx([0.1, 0.5, 0.9])


def test_the_projection_equals_least_squares() -> None:
    rng = np.random.default_rng(0)
    whitening = np.linalg.cholesky(np.cov(rng.normal(size=(10, 40)))).astype(np.float64)
    y = rng.normal(size=10)
    for grid in families(U, 0.4).values():
        family = bases(grid, U, whitening)
        constant = whitening.sum(axis=1)
        constant /= np.linalg.norm(constant)
        left = whitening @ y - constant * (constant @ whitening @ y)
        captured = family.captured(left[None])[0]
        for index in range(0, len(grid.kind), 17):
            design = whitening @ np.column_stack([np.ones(10), grid.at(index).columns(U)[0]])
            residual = whitening @ y - design @ np.linalg.lstsq(design, whitening @ y, rcond=None)[0]
            assert left @ left - captured[index] == pytest.approx(residual @ residual)


def test_a_step_leaves_two_points_on_either_side() -> None:
    grid = families(U, 0.4)["jump"]
    steps = grid.centre[grid.kind == STEP]
    assert len(steps) == len(U) - 3
    assert (np.sum(steps[:, None] > U, axis=1) >= 2).all()
    assert (np.sum(steps[:, None] < U, axis=1) >= 2).all()


def test_every_family_is_its_own_mirror_image() -> None:
    for grid in families(U, 0.4).values():
        centres = np.sort(grid.centre[~np.isin(grid.kind, (LINE, EXPONENTIAL))])
        assert centres == pytest.approx(np.sort(1 - centres))
