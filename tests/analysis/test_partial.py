"""Partial rank correlations: an independent implementation, resamples as repeated rows, a planted common cause."""

import numpy as np
import polars as pl
import pytest
import statsmodels.api as sm
from scipy.stats import rankdata, spearmanr

from analysis.elsewhere import elsewhere
from analysis.partial import partial_correlations, partial_spearman
from analysis.schema import checked
from analysis.tables import RESULTS

Study = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]


@pytest.fixture
def study() -> Study:
    """x, y, time and labs of 40 models, with ties and a lab of one model."""
    rng = np.random.default_rng(5)
    time = rng.integers(2019, 2025, size=40).astype(float)
    labs = np.r_[rng.integers(0, 5, size=39), 9]
    x = time + labs + rng.normal(size=40)
    return x, np.round(0.5 * x - labs + rng.normal(size=40)), time, labs


def by_hand(x: np.ndarray, y: np.ndarray, time: np.ndarray | None, labs: np.ndarray | None) -> float:
    """The correlation of the residuals of ranks on the rank of time and a constant for each lab."""
    design = np.ones((len(x), 1))
    if labs is not None:
        design = (labs[:, None] == np.unique(labs)).astype(float)
    if time is not None:
        design = np.column_stack([design, rankdata(time)])
    left = [sm.OLS(rankdata(column), design).fit().resid for column in (x, y)]
    return float(np.corrcoef(left)[0, 1])


@pytest.mark.parametrize("given", ["time", "labs", "both"])
def test_it_is_the_correlation_of_the_residuals_of_ranks(study: Study, given: str) -> None:
    x, y, time, labs = study
    known_time = None if given == "labs" else time
    groups = np.zeros(40, dtype=np.int64) if given == "time" else labs
    found = partial_spearman(x, y, known_time, groups, np.ones((1, 40)))
    assert found[0] == pytest.approx(by_hand(x, y, known_time, None if given == "time" else labs), abs=1e-12)


def test_a_resample_is_the_rows_repeated(study: Study) -> None:
    x, y, time, labs = study
    counts = np.random.default_rng(0).integers(0, 3, size=(5, 40))
    found = partial_spearman(x, y, time, labs, counts.astype(float))
    for value, times in zip(found, counts, strict=True):
        rows = np.repeat(np.arange(40), times)
        assert value == pytest.approx(by_hand(x[rows], y[rows], time[rows], labs[rows]), abs=1e-12)


def test_given_nothing_it_is_spearmans(study: Study) -> None:
    x, y, *_ = study
    found = partial_spearman(x, y, None, np.zeros(40, dtype=np.int64), np.ones((1, 40)))
    assert found[0] == pytest.approx(spearmanr(x, y).statistic)


def test_only_ranks_count(study: Study) -> None:
    x, y, time, labs = study
    once = np.ones((1, 40))
    assert partial_spearman(np.exp(x / 100), y**3, np.sqrt(time), labs, once) == pytest.approx(
        partial_spearman(x, y, time, labs, once)
    )


def test_where_others_explain_a_column_nothing_is_left() -> None:
    x, y = np.arange(8.0), np.random.default_rng(0).normal(size=8)
    assert np.isnan(partial_spearman(x, y, x**3, np.zeros(8, dtype=np.int64), np.ones((1, 8)))).all()
    assert np.isnan(partial_spearman(x, y, None, np.arange(8), np.ones((1, 8)))).all()


def test_what_goes_with_time_alone_is_no_correlation_given_time() -> None:
    rng = np.random.default_rng(2)
    time = np.repeat(np.arange(20.0), 10)
    about = pl.DataFrame({"released": time, "lab": [None] * 200}, schema_overrides={"lab": pl.String})
    wide = pl.DataFrame({"family": [f"f{k % 25}" for k in range(200)], "y": time + rng.normal(size=200)})
    held = [("y", "pc1", pl.Series(time + rng.normal(size=200)))]
    (row,) = partial_correlations(held, wide, about, 300, 0).iter_rows(named=True)
    assert row["unadjusted"] > 0.9
    assert row["low"] < 0 < row["high"]
    assert (row["given"], row["n"], row["df"], row["families"], row["rough"]) == ("released", 200, 199, 25, False)


def test_models_without_a_date_or_a_lab_are_left_out_and_labs_count_for_their_degrees_of_freedom() -> None:
    rng = np.random.default_rng(3)
    labs = ["a", "b", "c", None] * 5
    about = pl.DataFrame({"released": [None, *range(1, 20)], "lab": labs}, schema_overrides={"released": pl.Float64})
    wide = pl.DataFrame({"family": [""] * 20, "y": rng.normal(size=20)})
    found = partial_correlations([("y", "pc1", pl.Series(rng.normal(size=20)))], wide, about, 50, 0)
    assert found.select("given", "n", "df").rows() == [("released", 19, 18), ("lab", 15, 13), ("released, lab", 14, 11)]
    assert found["rough"].all()


def test_a_table_with_dates_has_partial_correlations_and_others_none() -> None:
    rng = np.random.default_rng(4)
    names, time = [f"m{k}" for k in range(30)], np.arange(30.0)
    about = {"domain": "d", "dataset": "s", "method": "standard", "family": "", "seed": 0, "step": 0}
    about |= {"condition": "c", "part": "all", "higher_is_better": True, "flags": ""}
    rows = [
        {
            **dict.fromkeys(RESULTS.columns),
            **about,
            "model": name,
            "measurement": of,
            "metric": of,
            "axis": axis,
            "value": v,
        }
        for of, axis in (("a", "capability"), ("b", "safety"))
        for name, v in zip(names, (time + rng.normal(size=30)).tolist(), strict=True)
    ]
    results = checked(pl.DataFrame(rows, schema=RESULTS.columns), RESULTS)
    models = pl.DataFrame({"model": names, "released": 2000 + time, "lab": [""] * 30})
    found, _ = elsewhere(results, models, score="mean")
    assert found["partial_correlations"].select("measurement", "given").rows() == [("a", "released"), ("b", "released")]
    assert "partial_correlations" not in elsewhere(results, models.drop("lab"), score="mean")[0]
