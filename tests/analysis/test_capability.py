import re

import numpy as np
import polars as pl
import pytest
from scipy.stats import spearmanr

from analysis.capability import (
    SAFETYWASHING,
    capability_scores,
    capability_weights,
    leading_component,
    safetywashing_scores,
    without_weight,
)
from tests.analysis.conftest import Row, Study, Table


def test_clean_accuracy_is_the_logit_of_the_counts(result: Row, table: Table) -> None:
    values = {"a": (0.9, 1000), "b": (1.0, 100), "c": (0.0, 100)}
    rows = [result(value=value, n=n, model=model) for model, (value, n) in values.items()]
    scores = capability_scores(table(rows), score="clean_accuracy").sort("model")
    expected = [np.log(900.5 / 100.5), np.log(100.5 / 0.5), np.log(0.5 / 100.5)]
    np.testing.assert_allclose(scores["score"], expected, rtol=1e-12)
    assert scores["score_name"].unique().to_list() == ["clean_accuracy"]


def test_pc1_rises_with_every_measurement_whichever_way_each_is_counted(study: Study) -> None:
    results = study()
    scores = capability_scores(results)
    for measurement, sign in {"clean/accuracy": 1, "clean/nll": -1, "transfer/accuracy": 1}.items():
        both = scores.join(results.filter(measurement=measurement), on=["method", "model", "seed"])
        assert sign * spearmanr(both["score"], both["value"])[0] > 0.95


def test_weights_come_from_the_standard_runs_alone(study: Study) -> None:
    results = study()
    others = pl.col("method") != "standard"
    spoilt = results.with_columns(value=pl.when(others).then(-5 * pl.col("value")).otherwise("value"))
    assert capability_weights(spoilt).equals(capability_weights(results))
    weights = capability_weights(results)
    assert (weights["weight"] ** 2).sum() == pytest.approx(1)
    assert (weights["weight"] > 0).all()
    assert 1 / 3 < weights["explained"][0] <= 1


def test_the_score_is_the_weighted_sum_of_standardised_measurements(study: Study) -> None:
    results = study()
    weights = capability_weights(results)
    one = {"method": "scale", "model": "f1-2", "seed": 1}
    values = dict(
        results.filter(**one)
        .select("measurement", pl.when("higher_is_better").then("value").otherwise(-pl.col("value")))
        .iter_rows()
    )
    expected = sum(
        w * (values[m] - mean) / sd
        for m, mean, sd, w in weights.select("measurement", "mean", "standard_deviation", "weight").iter_rows()
    )
    assert capability_scores(results).filter(**one)["score"].item() == pytest.approx(expected)


def test_leaving_one_out_leaves_it_out(study: Study) -> None:
    results = study()
    weights = capability_weights(results, without="clean/nll")
    assert weights["measurement"].to_list() == ["clean/accuracy", "transfer/accuracy"]
    changed = results.with_columns(value=pl.when(measurement="clean/nll").then(0.1).otherwise("value"))
    scores = [capability_scores(frame, without="clean/nll") for frame in (results, changed)]
    assert scores[0].equals(scores[1])
    assert scores[0]["score_name"].unique().to_list() == ["pc1 without clean/nll"]


def test_steps_on_the_way_are_scored_with_the_weights_of_the_end(study: Study) -> None:
    results = study()
    early = results.with_columns(step=pl.lit(10, pl.Int64), value=pl.col("value") * 0.5)
    both = capability_scores(pl.concat([early, results]))
    assert both.filter(step=100).equals(capability_scores(results))
    assert len(both) == 2 * len(capability_scores(results))


def test_runs_that_lack_a_measurement_and_places_too_small_have_no_score(
    study: Study, result: Row, table: Table
) -> None:
    results = study()
    lost = (pl.col("model") == "f0-1") & (pl.col("measurement") == "clean/nll")
    assert "f0-1" not in capability_scores(results.filter(~lost))["model"]
    assert capability_scores(table([result(seed=seed, value=seed / 3) for seed in (0, 1)])).is_empty()
    assert capability_scores(results.filter(pl.col("method") != "standard")).is_empty()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"score": "iq"}, "Unknown capability score 'iq' (expected 'clean_accuracy' or 'pc1')"),
        (
            {"without": "pgd/accuracy"},
            "'pgd/accuracy' is not a capability measurement of this study "
            "(expected one of: clean/accuracy, clean/nll, transfer/accuracy)",
        ),
        (
            {"score": "clean_accuracy", "without": "clean/nll"},
            "The score 'clean_accuracy' is one measurement: nothing can be left out of it (without='clean/nll')",
        ),
    ],
)
def test_unknown_names_are_refused(study: Study, options: dict[str, str], message: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        capability_scores(study(), **options)


def test_the_leading_component_of_two_columns_is_known() -> None:
    x = np.arange(10.0)
    vector, explained = leading_component(np.stack([x, -(x**3)], axis=1))
    np.testing.assert_allclose(np.abs(vector), np.sqrt(0.5))
    assert vector[0] * vector[1] < 0
    assert explained == pytest.approx(1)


def _benchmarks(rows: int = 30) -> pl.DataFrame:
    rng = np.random.default_rng(0)
    skill = rng.normal(size=rows)
    return pl.DataFrame({name: np.exp(skill) * 10 + rng.normal(0, 2, rows) for name in SAFETYWASHING})


def test_safetywashing_follows_its_recipe() -> None:
    wide = _benchmarks()
    score, weights = safetywashing_scores(wide)
    correlation = spearmanr(wide.to_numpy())[0]
    leading = weights["weight"].to_numpy()
    np.testing.assert_allclose(correlation @ leading, weights["explained"][0] * 12 * leading, atol=1e-10)
    standardised = (wide.to_numpy() - wide.to_numpy().mean(axis=0)) / wide.to_numpy().std(axis=0, ddof=0)
    np.testing.assert_allclose(score, standardised @ leading, atol=1e-12)
    assert leading[np.abs(leading).argmax()] > 0


def test_safetywashing_refuses_gaps_and_absent_columns() -> None:
    wide = _benchmarks()
    with pytest.raises(ValueError, match=r"^The capability columns \['bbh'\] are not in the table$"):
        safetywashing_scores(wide.drop("bbh"))
    with pytest.raises(ValueError, match=r"^The capability columns \['piqa', 'bbh'\] hold gaps or a single value$"):
        safetywashing_scores(wide.with_columns(piqa=pl.lit(1.0), bbh=pl.when(pl.col("bbh") > 9).then("bbh")))


def test_the_component_rises_with_more_of_the_measurements(result: Row, table: Table) -> None:
    """One of three falls as the two others rise, whatever sign the decomposition takes."""
    for seed in range(12):
        rng = np.random.default_rng(seed)
        rows = []
        for model in range(8):
            skill, values = rng.normal(), rng.normal(0, 0.05, 3)
            values += np.array([1, 1, -1]) * skill
            names = ("clean/accuracy", "transfer/accuracy", "pgd/accuracy")
            for name, value in zip(names, values, strict=True):
                rows.append(result(name, value, model=f"cnn-{model}") | {"axis": "capability", "pillar": None})
        weights = capability_weights(table(rows))
        assert dict(weights.select("measurement", pl.col("weight").sign()).iter_rows()) == {
            "clean/accuracy": 1,
            "transfer/accuracy": 1,
            "pgd/accuracy": -1,
        }


def test_a_measurement_that_few_standard_runs_have_is_no_part_of_the_score_and_is_named(study: Study) -> None:
    """A third of the runs has clean/nll: the score is that of the other two, and no run lacks it."""
    results = study().with_columns(value=pl.when(measurement="transfer/accuracy").then(0.5).otherwise("value"))
    patchy = results.filter((pl.col("measurement") != "clean/nll") | pl.col("model").str.ends_with("-1"))
    without = results.filter(pl.col("measurement") != "clean/nll")
    assert capability_scores(patchy).equals(capability_scores(without))
    assert not capability_scores(patchy).is_empty()
    left = without_weight(patchy, capability_weights(patchy))
    runs = patchy.filter(method="standard", measurement="clean/accuracy")
    held = patchy.filter(method="standard", measurement="clean/nll")
    assert len(held) < len(runs) / 2
    assert left.select("measurement", "held", "standard").rows() == [
        ("clean/nll", len(held), len(runs)),
        ("transfer/accuracy", len(runs), len(runs)),
    ]
    assert without_weight(study(), capability_weights(study())).is_empty()
