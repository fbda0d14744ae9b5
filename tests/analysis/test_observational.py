"""Correlations over models measured elsewhere: planted structure, closed forms, an independent implementation."""

from collections.abc import Mapping

import numpy as np
import polars as pl
import pytest
from scipy.stats import spearmanr

from analysis.observational import LABELS, OBSERVATIONAL, metric_labels, observational
from analysis.schema import checked
from analysis.tables import RESULTS

Columns = Mapping[str, np.ndarray]


def table(
    capability: Columns,
    safety: Columns,
    families: list[str] | None = None,
    lower: tuple[str, ...] = (),
    flops: np.ndarray | None = None,
) -> pl.DataFrame:
    """The table RESULTS of models m00, m01, ...; NaN is a gap."""
    rows = []
    for axis, columns in (("capability", capability), ("safety", safety)):
        for name, values in columns.items():
            for row, value in enumerate(values):
                about = {"domain": "imported", "dataset": "s", "method": "standard", "model": f"m{row:02}"}
                about |= {
                    "family": families[row] if families else "",
                    "measurement": name,
                    "metric": name,
                    "axis": axis,
                }
                constant = {
                    "parameters": None,
                    "seed": 0,
                    "step": 0,
                    "condition": "imported",
                    "part": "all",
                    "flags": "",
                }
                measured = {"value": float(value), "higher_is_better": name not in lower}
                scale = {"flops": None if flops is None else float(flops[row])}
                if not np.isnan(value):
                    rows.append(about | constant | measured | scale | dict.fromkeys(("pillar", "standard_error", "n")))
    return checked(pl.DataFrame(rows, schema=RESULTS.columns), RESULTS)


def estimate(tables: Mapping[str, pl.DataFrame], measurement: str, population: str = "pooled") -> float:
    found = tables["correlations"].filter(pl.col("measurement") == measurement, pl.col("population") == population)
    return float(found["estimate"].item())


@pytest.fixture(scope="module")
def drawn() -> tuple[Columns, Columns, list[str]]:
    rng = np.random.default_rng(0)
    ability = rng.normal(size=24)
    capability = {name: ability + rng.normal(size=24) / 3 for name in ("a", "b", "c")}
    gap = rng.normal(size=24)
    gap[::5] = np.nan
    return capability, {"with gaps": gap, "rides": ability + rng.normal(size=24)}, [f"f{row % 12}" for row in range(24)]


def test_every_table_keeps_to_its_form(drawn: tuple[Columns, Columns, list[str]]) -> None:
    for score in ("safetywashing", "pc1", "a", "with gaps"):
        for name, frame in observational(table(*drawn), score=score, draws=20).items():
            assert checked(frame, OBSERVATIONAL[name]).equals(frame)


def test_the_papers_recipe_written_out_again(drawn: tuple[Columns, Columns, list[str]]) -> None:
    capability, safety, families = drawn
    tables = observational(table(capability, safety, families), score="safetywashing", draws=20)
    matrix = np.stack(list(capability.values()), axis=1)
    values, vectors = np.linalg.eigh(spearmanr(matrix).statistic)
    vector = vectors[:, -1] * np.sign(vectors[np.abs(vectors[:, -1]).argmax(), -1])
    score = (matrix - matrix.mean(axis=0)) / matrix.std(axis=0) @ vector
    assert tables["capability"]["score"].to_numpy() == pytest.approx(score)
    assert tables["capability_weights"]["explained"][0] == pytest.approx(values[-1] / 3)
    for name, column in {**capability, **safety}.items():
        known = ~np.isnan(column)
        assert estimate(tables, name) == pytest.approx(spearmanr(score[known], column[known]).statistic)


def test_pc1_leaves_a_capability_measurement_out_of_its_own_score(drawn: tuple[Columns, Columns, list[str]]) -> None:
    tables = observational(table(*drawn), score="pc1", draws=20)
    pooled = tables["correlations"].filter(pl.col("population") == "pooled")
    assert dict(pooled.select("measurement", "score").iter_rows()) == {
        **{name: f"pc1 without {name}" for name in "abc"},
        **dict.fromkeys(("rides", "with gaps"), "pc1"),
    }
    others = observational(table({k: drawn[0][k] for k in "bc"}, {"a": drawn[0]["a"]}), score="pc1", draws=20)
    assert estimate(tables, "a") == pytest.approx(estimate(others, "a"))


def test_a_measurement_held_against_another_is_correlated_with_that() -> None:
    x = np.arange(10.0)
    tables = observational(
        table({"a": x, "b": x[::-1] ** 2}, {"brier": x**3}, lower=("b",)), score="a", against={"brier": "b"}, draws=20
    )
    row = tables["correlations"].filter(pl.col("measurement") == "brier").row(0, named=True)
    assert (row["score"], row["estimate"]) == ("b", 1.0)


def test_lower_is_better_is_turned() -> None:
    x = np.arange(10.0)
    assert estimate(observational(table({"a": x}, {"mce": -x}, lower=("mce",)), score="a", draws=20), "mce") == 1.0


def test_trends_within_families_and_over_all_are_kept_apart() -> None:
    x = np.arange(20.0)
    family = np.arange(20) // 5
    falls = 10.0 * family - x % 5
    families = [f"f{code}" for code in family]
    tables = observational(table({"a": x}, {"truthful": falls}, families), score="a", draws=50)
    assert estimate(tables, "truthful") > 0.8
    assert estimate(tables, "truthful", "within families") == -1.0
    each = tables["family_correlations"]
    assert each.select("family", "estimate", "n").rows() == [(f"f{code}", -1.0, 5) for code in range(4)]


def test_scale_is_a_measurement_of_its_own_axis_and_a_score() -> None:
    x = np.arange(1.0, 11.0)
    results = table({"a": x}, {"s": -x}, flops=10.0 ** (20 + x))
    row = (
        observational(results, score="a", draws=20)["correlations"].filter(pl.col("axis") == "scale").row(0, named=True)
    )
    assert (row["measurement"], row["estimate"]) == ("flops", 1.0)
    assert estimate(observational(results, score="flops", draws=20), "s") == -1.0


def test_few_or_unknown_families_are_said_to_be_rough() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(2, 16))
    for families, count, rough in ((7, 7, True), (8, 8, False), (0, None, True)):
        names = [f"f{row % families}" for row in range(16)] if families else None
        tables = observational(table({"a": x}, {"s": y}, names), score="a", draws=50)
        row = tables["correlations"].filter(pl.col("population") == "pooled").row(0, named=True)
        assert (row["families"], row["rough"], row["n"]) == (count, rough, 16)
        assert row["low"] <= row["estimate"] <= row["high"]


def test_a_model_of_unknown_family_is_a_family_of_its_own(drawn: tuple[Columns, Columns, list[str]]) -> None:
    """Where families are known at all; they are then no family together, by name or otherwise."""
    capability, safety, _ = drawn
    blank = ["a"] * 4 + [""] * 20
    own = [family or f"m{row:02}" for row, family in enumerate(blank)]
    found, expected = (observational(table(capability, safety, families), score="pc1") for families in (blank, own))
    for name, frame in expected.items():
        assert found[name].equals(frame), name
    pooled = found["correlations"].filter(pl.col("population") == "pooled")
    assert pooled["families"].max() == 21
    assert found["family_correlations"]["family"].unique().to_list() == ["a"]


def test_copies_of_one_model_widen_no_claim() -> None:
    """32 rows of one family carry the news of one: the interval over families is wider than that over rows."""
    rng = np.random.default_rng(3)
    level = np.repeat(rng.normal(size=(2, 8)), 5, axis=1)
    x, y = level + rng.normal(size=(2, 40)) / 50
    families = [f"f{row // 5}" for row in range(40)]
    widths = []
    for names in (families, None):
        tables = observational(table({"a": x}, {"s": y}, names), score="a", draws=400)
        row = tables["correlations"].filter(pl.col("population") == "pooled").row(0, named=True)
        widths.append(row["high"] - row["low"])
    assert widths[0] > 1.5 * widths[1]


def test_intervals_do_not_depend_on_other_columns_or_on_order(drawn: tuple[Columns, Columns, list[str]]) -> None:
    capability, safety, families = drawn
    one = observational(table(capability, safety, families), score="a", draws=50)["correlations"]
    fewer = observational(table(capability, {"rides": safety["rides"]}, families), score="a", draws=50)["correlations"]
    mixed = table(capability, safety, families).sample(fraction=1, shuffle=True, seed=1)
    assert observational(mixed, score="a", draws=50)["correlations"].equals(one)
    assert fewer.equals(one.filter(pl.col("measurement") != "with gaps"))


def test_labels_follow_the_whole_interval() -> None:
    rows = [
        ("determined", 0.97, 0.92, 0.99, 20),
        ("determined downwards", -0.97, -0.99, -0.92, 20),
        ("nearly", 0.97, 0.88, 0.99, 20),
        ("separable", 0.1, -0.2, 0.39, 20),
        ("too wide", 0.1, -0.5, 0.39, 20),
        ("across zero", 0.0, -0.95, 0.95, 20),
        ("few", 0.99, 0.95, 1.0, 4),
    ]
    columns = ["measurement", "estimate", "low", "high", "n"]
    frame = pl.DataFrame(rows, schema=columns, orient="row").with_columns(
        axis=pl.lit("safety"), population=pl.lit("pooled"), score=pl.lit("pc1"), families=pl.lit(9), rough=pl.lit(False)
    )
    found = checked(metric_labels(frame.with_columns(pl.col("families").cast(pl.Int64))), LABELS)
    assert dict(found.select("measurement", "label").iter_rows()) == {
        "determined": "capability-determined",
        "determined downwards": "capability-determined",
        "nearly": "mixed",
        "separable": "separable",
        "too wide": "mixed",
        "across zero": "mixed",
        "few": None,
    }


def test_a_score_that_cannot_be_had_is_refused(drawn: tuple[Columns, Columns, list[str]]) -> None:
    results = table(*drawn)
    with pytest.raises(ValueError, match=r"^'iq' is no capability score: one of 'pc1', 'mean', 'safetywashing', 'flo"):
        observational(results, score="iq")
    with pytest.raises(ValueError, match=r"^The capability columns \['d'\] hold gaps or a single value$"):
        observational(table({**drawn[0], "d": drawn[1]["with gaps"]}, {}), score="safetywashing")


def test_constant_and_nearly_empty_columns_are_absent_rows() -> None:
    x = np.arange(10.0)
    few = np.where(x < 2, x, np.nan)
    tables = observational(table({"a": x}, {"constant": np.ones(10), "few": few, "s": x}), score="a", draws=20)
    assert tables["correlations"]["measurement"].to_list() == ["s"]
