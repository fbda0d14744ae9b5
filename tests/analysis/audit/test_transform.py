"""Oriented scales: closed forms, directions, round trips of the delta method."""

import numpy as np
import pytest

from analysis.audit.transform import floor_margin, oriented, oriented_error, scale_of


@pytest.mark.parametrize(
    ("values", "higher", "scale"),
    [
        ([0.2, 1.0], True, "logit"),
        ([0.0, 3.0], False, "log"),
        ([-1.0, 2.0], True, "identity"),
        ([-1.0, 2.0], False, "identity"),
    ],
)
def test_scale_follows_range_and_direction(values: list[float], higher: bool, scale: str) -> None:
    assert scale_of(np.array(values), higher) == scale


def test_logit_counts_half_an_example_on_either_side() -> None:
    n = np.full(3, 100.0)
    y = oriented(np.array([0.0, 0.5, 1.0]), n, "logit", True)
    assert y == pytest.approx([np.log(0.5 / 100.5), 0.0, np.log(100.5 / 0.5)])


@pytest.mark.parametrize(
    ("scale", "higher"), [("logit", True), ("log", False), ("identity", True), ("identity", False)]
)
def test_up_is_safer(scale: str, higher: bool) -> None:
    values = np.array([0.1, 0.2, 0.4])
    steps = np.diff(oriented(values, np.full(3, 50.0), scale, higher))
    assert np.all(steps > 0) if higher else np.all(steps < 0)


def test_unmeasured_stays_unmeasured() -> None:
    assert np.isnan(oriented(np.array([np.nan]), np.array([10.0]), "logit", True)).all()


@pytest.mark.parametrize(("scale", "higher"), [("logit", True), ("log", False), ("identity", True)])
def test_errors_agree_with_the_spread_of_transformed_draws(scale: str, higher: bool) -> None:
    rng = np.random.default_rng(0)
    n = 4000.0
    draws = rng.binomial(4000, 0.3, 20_000) / n
    size = np.full_like(draws, n)
    wanted = oriented(draws, size, scale, higher).std()
    error = oriented_error(np.array([0.3]), np.array([np.sqrt(0.3 * 0.7 / n)]), np.array([n]), scale)
    assert error[0] == pytest.approx(wanted, rel=0.03)


def test_floor_margin_is_one_point_of_a_proportion_on_its_scale() -> None:
    assert floor_margin(0.9, "logit", 0.0) == pytest.approx(np.log(9) - np.log(0.89 / 0.11))
    assert floor_margin(0.2, "logit", 0.0) == pytest.approx(np.log(0.21 / 0.79) - np.log(0.25))
    assert floor_margin(0.2, "log", 0.0) == 0.05
    assert floor_margin(7.0, "identity", 2.0) == 0.2
