"""Scales: which one a declared range has, closed forms, directions, round trips, and distances from targets."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import polars as pl
import pytest

from analysis.scales import (
    FLOOR,
    SCALES,
    counted,
    distances_from_targets,
    error_on_scale,
    floor_margin,
    from_scale,
    guessed_range,
    on_scale,
    scale_of,
)

Row = Callable[..., dict[str, Any]]
Table = Callable[[list[dict[str, Any]]], pl.DataFrame]


@pytest.mark.parametrize(
    ("lower", "upper", "higher", "scale"),
    [
        (0, 1, True, "logit"),
        (0, 1, False, "log"),
        (0, 2, False, "log"),
        (0, math.inf, False, "log"),
        (0, 2, True, "identity"),
        (0, math.inf, True, "identity"),
        (-1, 1, True, "identity"),
        (-1, 1, False, "identity"),
        (-math.inf, math.inf, False, "identity"),
    ],
)
def test_scale_follows_declared_range_and_direction(lower: float, upper: float, higher: bool, scale: str) -> None:
    assert scale_of(lower, upper, higher) == scale


@pytest.mark.parametrize(
    ("values", "higher", "scale"),
    [
        ([0.2, 1.0], True, "logit"),
        ([0.2, 1.1], True, "identity"),
        ([0.0, 3.0], False, "log"),
        ([-1.0, 2.0], True, "identity"),
        ([-1.0, 0.5], False, "identity"),
    ],
)
def test_without_a_declared_range_the_scale_is_guessed_from_the_values(
    values: list[float], higher: bool, scale: str
) -> None:
    assert scale_of(*guessed_range(np.array(values)), higher) == scale


def test_logit_counts_half_an_example_on_either_side() -> None:
    n = np.full(3, 100.0)
    y = on_scale(np.array([0.0, 0.5, 1.0]), n, "logit", True)
    assert y == pytest.approx([np.log(0.5 / 100.5), 0.0, np.log(100.5 / 0.5)])


def test_a_proportion_of_unknown_n_is_one_of_10_000_examples() -> None:
    values, unknown = np.array([0.0, 0.999, 1.0]), np.full(3, np.nan)
    known = np.full(3, 10_000.0)
    assert on_scale(values, unknown, "logit", True).tolist() == on_scale(values, known, "logit", True).tolist()
    assert on_scale(values, unknown, "logit", True)[1] == pytest.approx(np.log(9990.5 / 10.5))
    errors = np.full(3, 0.1)
    assert error_on_scale(values, errors, unknown, "logit")[2] == pytest.approx(0.1 / (0.5 / 10_001), rel=1e-4)


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("value", [0.0, 0.001, 0.003, 0.4, 0.97, 1.0])
def test_errors_are_carried_by_the_slope_of_the_scale(scale: str, value: float) -> None:
    step, n = 1e-7, np.array([1000.0])
    around = np.array([value if value == 0 else value - step]), np.array([value if value == 1 else value + step])
    low, high = (on_scale(each, n, scale, True) for each in around)
    slope = np.abs(high - low) / (around[1] - around[0])
    assert error_on_scale(np.array([value]), np.ones(1), n, scale) == pytest.approx(slope, rel=1e-3)


def test_a_share_that_is_an_error_counts_half_an_example() -> None:
    """As a logit does: near 0 they are the same but for the sign, to a part in n."""
    values, n = np.array([0.0, 0.01, 1.0]), np.full(3, 300.0)
    y = on_scale(values, n, "log", False)
    assert y == pytest.approx(-np.log([0.5 / 301, 3.5 / 301, 300.5 / 301]))
    assert y[:2] == pytest.approx(-on_scale(values, n, "logit", True)[:2], abs=0.02)
    errors = error_on_scale(values, np.full(3, 0.01), n, "log")
    assert errors == pytest.approx(0.01 * 300 / np.array([0.5, 3.5, 300.5]))


def test_an_error_that_is_no_share_counts_no_examples() -> None:
    """Its number of examples makes no difference."""
    values, share = np.array([0.0, 0.01, 3.0]), np.array([False, False, False])
    n = counted(np.array([30.0, 300.0, 3000.0]), share)
    assert on_scale(values, n, "log", False) == pytest.approx(-np.log(values + FLOOR))
    assert error_on_scale(values, np.ones(3), n, "log") == pytest.approx(1 / (values + FLOOR))


@pytest.mark.parametrize("rate", [0.004, 0.01, 0.05])
@pytest.mark.parametrize("n", [300, 3000])
def test_the_ratio_of_two_rare_errors_is_not_overstated(rate: float, n: int) -> None:
    """Half of a rate, counted on n examples: at most log 2 in the mean, and nearly so from five errors on."""
    rng = np.random.default_rng(0)
    many, few = (rng.binomial(n, share, 100_000) / n for share in (rate, rate / 2))
    size = np.full(100_000, float(n))
    change = (on_scale(few, size, "log", False) - on_scale(many, size, "log", False)).mean()
    assert change < np.log(2) + 0.01
    assert n * rate < 10 or change == pytest.approx(np.log(2), abs=0.03)


@pytest.mark.parametrize(
    ("scale", "higher"), [("logit", True), ("log", False), ("identity", True), ("identity", False)]
)
def test_up_is_safer(scale: str, higher: bool) -> None:
    values = np.array([0.1, 0.2, 0.4])
    steps = np.diff(on_scale(values, np.full(3, 50.0), scale, higher))
    assert np.all(steps > 0) if higher else np.all(steps < 0)


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("higher", [True, False])
def test_scales_are_undone(scale: str, higher: bool) -> None:
    values, many = np.array([0.0, 0.2, 0.5, 0.9, 1.0]), np.full(5, 1e12 if scale == "logit" else np.nan)
    back = from_scale(on_scale(values, many, scale, higher), scale, higher)
    assert back == pytest.approx(values, abs=1e-9)


def test_unmeasured_stays_unmeasured() -> None:
    assert np.isnan(on_scale(np.array([np.nan]), np.array([10.0]), "logit", True)).all()


@pytest.mark.parametrize(("scale", "higher"), [("logit", True), ("log", False), ("identity", True)])
def test_errors_agree_with_the_spread_of_transformed_draws(scale: str, higher: bool) -> None:
    rng = np.random.default_rng(0)
    n = 4000.0
    draws = rng.binomial(4000, 0.3, 20_000) / n
    size = np.full_like(draws, n)
    wanted = on_scale(draws, size, scale, higher).std()
    error = error_on_scale(np.array([0.3]), np.array([np.sqrt(0.3 * 0.7 / n)]), np.array([n]), scale)
    assert error[0] == pytest.approx(wanted, rel=0.03)


def test_floor_margin_is_one_point_of_a_proportion_on_its_scale() -> None:
    assert floor_margin(0.9, "logit", 0.0) == pytest.approx(np.log(9) - np.log(0.89 / 0.11))
    assert floor_margin(0.2, "logit", 0.0) == pytest.approx(np.log(0.21 / 0.79) - np.log(0.25))
    assert floor_margin(0.2, "log", 0.0) == 0.05
    assert floor_margin(7.0, "identity", 2.0) == 0.2


def test_a_metric_with_a_target_is_an_error_away_from_it(result: Row, table: Table) -> None:
    facts = {"lower": -1.0, "upper": 2.0, "chance": -0.25, "target": 0.5, "higher_is_better": True}
    plain = {"lower": -1.0, "upper": math.inf, "chance": 0.1}
    rows = table(
        [
            *(result("clean/brier", value, seed=seed, **facts) for seed, value in enumerate((0.2, 0.5, 1.5))),
            result("clean/accuracy", -0.3, **plain),
        ]
    )
    moved = pl.Series([[2.0, -1.0]] * 4, dtype=pl.List(pl.Float64))
    found = distances_from_targets(rows.with_columns(deviations=moved))
    other, *turned = found.iter_rows(named=True)
    assert {name: other[name] for name in plain} == plain
    assert (other["value"], other["deviations"], other["higher_is_better"]) == (-0.3, [2.0, -1.0], True)
    assert [row["value"] for row in turned] == pytest.approx([0.3, 0, 1])
    assert [row["deviations"] for row in turned] == [[-2.0, 1.0], [2.0, -1.0], [2.0, -1.0]]
    for row in turned:
        assert (row["lower"], row["upper"], row["chance"], row["target"]) == (0, 1.5, 0.75, None)
        assert not row["higher_is_better"]
    assert distances_from_targets(found).equals(found)
