from typing import Any

import numpy as np
import polars as pl
import pytest
from scipy.stats import spearmanr

from analysis.capability import capability_scores
from analysis.correlation import capability_correlation
from tests.analysis.conftest import Row, Study, Table


def _correlations(results: pl.DataFrame, seed: int = 0, draws: int = 300) -> pl.DataFrame:
    return capability_correlation(results, capability_scores(results), draws=draws, rng=np.random.default_rng(seed))


def _one(frame: pl.DataFrame, measurement: str, population: str) -> dict[str, Any]:
    return frame.filter(measurement=measurement, population=population).row(0, named=True)


def test_estimates_are_those_of_scipy_on_the_same_rows(study: Study) -> None:
    results = study(noise=0.1)
    rows = results.filter(measurement="clean/brier").join(capability_scores(results), on=["method", "model", "seed"])
    found = _correlations(results)
    ladder = rows.filter(method="standard")
    assert _one(found, "clean/brier", "pooled")["estimate"] == pytest.approx(
        -spearmanr(rows["score"], rows["value"])[0]
    )
    assert _one(found, "clean/brier", "ladder")["estimate"] == pytest.approx(
        -spearmanr(ladder["score"], ladder["value"])[0]
    )
    cells = rows.group_by("model", "method").agg(pl.col("score", "value").mean())
    of_models = [spearmanr(cell["score"], -cell["value"])[0] for _, cell in cells.group_by("model")]
    assert _one(found, "clean/brier", "methods")["estimate"] == pytest.approx(np.mean(of_models))


def test_the_population_decides_the_sign(result: Row, table: Table) -> None:
    """Over scale both rise; at every model the more capable method is the less safe."""
    rows = []
    for model in range(6):
        for shift, method in enumerate(("standard", "a", "b")):
            place = {"method": method, "model": f"m{model}", "family": f"f{model // 2}"}
            rows += [result("clean/accuracy", 0.1 * model + 0.01 * shift, **place)]
            rows += [result("pgd/accuracy", 0.1 * model - 0.01 * shift, **place)]
    found = _correlations(table(rows))
    assert _one(found, "pgd/accuracy", "ladder")["estimate"] == pytest.approx(1)
    assert _one(found, "pgd/accuracy", "methods")["estimate"] == pytest.approx(-1)
    assert _one(found, "pgd/accuracy", "pooled")["estimate"] > 0.8


def test_counts_and_the_mark_of_a_rough_interval(study: Study) -> None:
    few, many = _correlations(study(families=4)), _correlations(study(families=8))
    assert few["rough"].all()
    assert not many["rough"].any()
    assert _one(few, "pgd/accuracy", "ladder") | {"n": 24, "families": 4} == _one(few, "pgd/accuracy", "ladder")
    assert _one(few, "pgd/accuracy", "methods")["n"] == 36
    assert _one(few, "pgd/accuracy", "pooled")["n"] == 72
    assert (few["low"] <= few["estimate"] + 1e-12).all()
    assert (few["estimate"] <= few["high"] + 1e-12).all()


def test_intervals_cover_a_correlation_of_zero(result: Row, table: Table) -> None:
    rng = np.random.default_rng(1)
    covered = 0
    for trial in range(40):
        rows = []
        for model in range(40):
            place = {"model": f"m{model}", "family": f"f{model % 10}"}
            rows += [result(name, rng.random(), **place) for name in ("clean/accuracy", "pgd/accuracy")]
        one = _one(_correlations(table(rows), seed=trial, draws=400), "pgd/accuracy", "ladder")
        covered += one["low"] <= 0 <= one["high"]
    assert covered >= 34


def test_a_gap_costs_its_own_pair_alone(study: Study) -> None:
    results = study(noise=0.1)
    gap = (pl.col("measurement") == "pgd/accuracy") & (pl.col("model") == "f0-1")
    whole, holed = _correlations(results), _correlations(results.filter(~gap))
    assert _one(holed, "pgd/accuracy", "pooled")["n"] == 66
    assert _one(holed, "clean/brier", "pooled")["estimate"] == _one(whole, "clean/brier", "pooled")["estimate"]


def test_what_has_no_correlation_has_no_row(study: Study) -> None:
    results = study()
    constant = results.with_columns(value=pl.when(measurement="pgd/accuracy").then(0.5).otherwise("value"))
    assert "pgd/accuracy" not in _correlations(constant)["measurement"]
    only_standard = _correlations(results.filter(method="standard"))
    assert set(only_standard["population"]) == {"ladder", "pooled"}
    assert _correlations(results.filter(axis="capability")).is_empty()


def test_the_order_of_rows_changes_nothing(study: Study) -> None:
    results = study()
    assert _correlations(results.sample(fraction=1, shuffle=True, seed=3)).equals(_correlations(results))
