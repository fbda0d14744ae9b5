"""Agreement on the line: exact where accuracy and agreement lie on the same line, silent where agreement is on none."""

import itertools

import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray
from scipy.stats import norm

from analysis.agreement import agreement_on_the_line

N = 10**9  # examples: so many that the correction towards one half does not show
SLOPE, INTERCEPT = 0.7, -0.4
CLEAN = np.array([0.55, 0.64, 0.7, 0.77, 0.81, 0.9])


def shifted(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(norm.cdf(SLOPE * norm.ppf(values) + INTERCEPT))


def table(noise: float = 0.0, models: int = len(CLEAN)) -> pl.DataFrame:
    rng = np.random.default_rng(3)
    rows = []
    for first, second in itertools.combinations(range(models), 2):
        agreement = np.clip((CLEAN[first] + CLEAN[second]) / 2 + rng.uniform(-0.1, 0.1), 0.05, 0.95)
        moved = norm.cdf(norm.ppf(shifted(agreement)) + noise * rng.standard_normal())
        for condition, values in (("clean", (agreement, *CLEAN[[first, second]])), ("fog", None)):
            values = values or (moved, *shifted(CLEAN[[first, second]]))
            rows.append(
                {
                    "domain": "vision",
                    "dataset": "glyphs",
                    "method": "standard",
                    "condition": condition,
                    "shifted": condition == "fog",
                    "first": f"m{first}",
                    "second": f"m{second}",
                    "agreement": float(values[0]),
                    "first_accuracy": float(values[1]),
                    "second_accuracy": float(values[2]),
                    "n": N,
                }
            )
    return pl.DataFrame(rows)


def test_accuracy_is_found_exactly_where_agreement_lies_on_the_same_line() -> None:
    found = agreement_on_the_line(table())
    assert found["run"].to_list() == [f"m{number}" for number in range(len(CLEAN))]
    assert found["predicted"].to_numpy() == pytest.approx(shifted(CLEAN), abs=1e-6)
    assert found["accuracy"].to_numpy() == pytest.approx(shifted(CLEAN))
    assert found["unshifted_accuracy"].to_numpy() == pytest.approx(CLEAN)
    assert found["slope"][0] == pytest.approx(SLOPE)
    assert found["on_the_line"].all()


def test_agreement_that_is_on_no_line_predicts_nothing_that_counts() -> None:
    found = agreement_on_the_line(table(noise=0.5))
    assert not found["on_the_line"].any()
    assert found["r_squared"][0] < 0.95


def test_a_prediction_does_not_look_at_labels_under_the_shift() -> None:
    blind = table().with_columns(
        pl.when("shifted").then(0.5).otherwise(pl.col(name)).alias(name)
        for name in ("first_accuracy", "second_accuracy")
    )
    assert agreement_on_the_line(blind)["predicted"].equals(agreement_on_the_line(table())["predicted"])


def test_two_models_make_no_line() -> None:
    assert agreement_on_the_line(table(models=2)).is_empty()


def test_three_models_make_a_line() -> None:
    assert agreement_on_the_line(table(models=3))["run"].to_list() == ["m0", "m1", "m2"]


def test_a_prediction_counts_from_an_r_squared_of_95_percent() -> None:
    found = pl.concat([agreement_on_the_line(table(noise=noise)) for noise in np.linspace(0.01, 0.1, 30)])
    for low, high, counts in ((0.9, 0.95, False), (0.95, 0.99, True)):
        near = found.filter(pl.col("r_squared").is_between(low, high, closed="left"))
        assert near["on_the_line"].unique().to_list() == [counts]
