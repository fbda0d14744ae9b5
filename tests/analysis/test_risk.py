"""Residual risk by method: means over models, exposure as given, the rest alike."""

import numpy as np
import polars as pl
import pytest
from scipy import stats

from analysis.risk import risks, weights
from analysis.tables import RESULTS
from tests.analysis.conftest import Row, Study, Table

RISK = {"metric": "residual_risk", "axis": "safety", "pillar": "systemic safety", "higher_is_better": False}


def test_risk_is_exposure_times_the_mean_over_models(result: Row, table: Table) -> None:
    rows = [
        result(value=value, **RISK, condition=hazard, model=f"cnn-{model}", seed=seed)
        for hazard, level in (("pgd", 0.6), ("fog", 0.2))
        for model, shift in ((1, -0.1), (2, 0.1))
        for seed, value in ((0, level + shift - 0.01), (1, level + shift + 0.01))
    ]
    frame = pl.DataFrame([{name: row[name] for name in RESULTS.columns} for row in rows], schema=RESULTS.columns)
    frame = frame.with_columns(measurement=pl.col("condition") + "/residual_risk")
    found = {row["hazard"]: row for row in risks(frame, {"pgd": 0.1}).to_dicts()}
    assert found["pgd"]["vulnerability"] == pytest.approx(0.6)
    assert found["pgd"]["risk"] == pytest.approx(0.06)
    assert found["fog"]["exposure"] == pytest.approx(0.9)
    half = 12.706 * 0.1 * 2**0.5 / 2**0.5
    assert found["fog"]["high"] == pytest.approx(min(0.2 + half, 1), rel=1e-3)
    assert (found["fog"]["models"], found["fog"]["runs"]) == (2, 4)


def test_what_is_not_given_shares_what_is_left() -> None:
    assert weights(["a", "b", "c"], {}) == pytest.approx({"a": 1 / 3, "b": 1 / 3, "c": 1 / 3})
    assert weights(["a", "b", "c"], {"b": 0.5}) == pytest.approx({"a": 0.25, "b": 0.5, "c": 0.25})
    assert weights(["a", "b"], {"a": 2.0}) == {"a": 2.0, "b": 0.0}


def test_without_residual_risk_there_is_no_row(study: Study) -> None:
    assert risks(study(), {}).is_empty()


def test_the_interval_is_students_over_models(result: Row, table: Table) -> None:
    values = [0.3, 0.32, 0.35, 0.29, 0.31, 0.33]
    rows = [result(value=value, **RISK, model=f"cnn-{model}") for model, value in enumerate(values)]
    frame = table(rows).with_columns(condition=pl.lit("pgd"), measurement=pl.lit("pgd/residual_risk"))
    row = risks(frame, {}).row(0, named=True)
    low, high = stats.t.interval(0.95, 5, loc=np.mean(values), scale=stats.sem(values))
    assert (row["low"], row["high"]) == pytest.approx((low, high))
    assert row["models"] == row["runs"] == 6


def test_one_model_has_no_interval(result: Row, table: Table) -> None:
    frame = table([result(value=0.3, **RISK)]).with_columns(measurement=pl.lit("clean/residual_risk"))
    row = risks(frame, {}).row(0, named=True)
    assert (row["vulnerability"], row["low"], row["high"], row["risk"]) == (0.3, None, None, 0.3)
