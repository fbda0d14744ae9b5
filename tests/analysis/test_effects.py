from typing import Any

import numpy as np
import polars as pl
import pytest
from scipy.stats import ttest_1samp

from analysis.capability import capability_scores
from analysis.effects import paired_effects
from tests.analysis.conftest import Row, Study, Table


def _effects(results: pl.DataFrame) -> pl.DataFrame:
    return paired_effects(results, capability_scores(results))


def _one(frame: pl.DataFrame, method: str, measurement: str) -> dict[str, Any]:
    return frame.filter(method=method, measurement=measurement).row(0, named=True)


def test_planted_effects_are_found_where_they_are(study: Study) -> None:
    effects = _effects(study())
    shield = _one(effects, "shield", "pgd/accuracy")
    assert shield["low"] < 0.3 < shield["high"]
    assert shield["high"] - shield["low"] < 0.05
    assert abs(_one(effects, "shield", "pc1")["effect"]) < 0.1
    assert _one(effects, "scale", "pc1")["low"] > 0
    assert _one(effects, "scale", "clean/brier")["low"] > 0  # lower is better, and up is safer here
    assert "standard" not in effects["method"]


def test_the_interval_is_students_over_the_means_of_models(study: Study) -> None:
    results = study(noise=0.1)
    wide = results.filter(measurement="pgd/accuracy").pivot(on="method", index=["model", "seed"], values="value")
    of_models = wide.group_by("model").agg(difference=(pl.col("shield") - pl.col("standard")).mean())["difference"]
    found = _one(_effects(results), "shield", "pgd/accuracy")
    expected = ttest_1samp(of_models.to_numpy(), 0).confidence_interval()
    assert (found["low"], found["high"]) == (pytest.approx(expected.low), pytest.approx(expected.high))
    assert (found["clusters"], found["models"], found["pairs"]) == ("models", 12, 24)
    spread = results.filter(measurement="pgd/accuracy", method="standard")["value"].std()
    assert found["standardised"] == pytest.approx(found["effect"] / spread)


def test_models_count_alike_however_many_seeds_they_have(result: Row, table: Table) -> None:
    rows = [result(value=0.5, model=model, seed=seed) for model, seed in (("a", 0), ("a", 1), ("a", 2), ("b", 0))]
    rows += [result(value=0.6, model="a", seed=seed, method="m") for seed in (0, 1, 2)]
    rows += [result(value=0.8, model="b", method="m")]
    found = _one(_effects(table(rows)), "m", "clean/accuracy")
    assert (found["effect"], found["pairs"], found["models"]) == (pytest.approx(0.2), 4, 2)


def test_one_model_has_an_interval_over_its_seeds_and_one_pair_has_none(result: Row, table: Table) -> None:
    gains = [0.1, 0.15, 0.2]
    rows = [result(value=0.5 + 0.01 * seed, seed=seed) for seed in range(3)]
    rows += [result(value=0.5 + 0.01 * seed + gain, seed=seed, method="m") for seed, gain in enumerate(gains)]
    rows += [result(value=0.7, seed=0, method="once")]
    effects = _effects(table(rows))
    expected = ttest_1samp(gains, 0).confidence_interval()
    several, once = _one(effects, "m", "clean/accuracy"), _one(effects, "once", "clean/accuracy")
    assert (several["low"], several["clusters"]) == (pytest.approx(expected.low), "seeds")
    assert (once["effect"], once["low"], once["clusters"]) == (pytest.approx(0.2), None, "none")


def test_runs_without_a_partner_and_flagged_pairs_are_counted(result: Row, table: Table) -> None:
    rows = [result(value=0.5, model=model, flags="at chance" if model == "a" else "") for model in "abc"]
    rows += [result(value=0.6 + 0.01 * i, model=model, method="m") for i, model in enumerate("abcd")]
    rows += [result(value=0.6, model="z", method="alone")]
    effects = _effects(table(rows))
    found, alone = _one(effects, "m", "clean/accuracy"), _one(effects, "alone", "clean/accuracy")
    assert (found["pairs"], found["unpaired"], found["flagged"]) == (3, 1, 1)
    assert (alone["pairs"], alone["unpaired"], alone["effect"], alone["models"]) == (0, 1, None, 0)


def test_a_change_of_unit_changes_the_effect_and_not_the_standardised_one(study: Study) -> None:
    results = study()
    scaled = results.with_columns(
        value=pl.when(measurement="clean/brier").then(100 * pl.col("value")).otherwise("value")
    )
    before, after = (_one(_effects(frame), "scale", "clean/brier") for frame in (results, scaled))
    assert after["effect"] == pytest.approx(100 * before["effect"])
    assert after["standardised_low"] == pytest.approx(before["standardised_low"])


def test_intervals_of_a_method_that_does_nothing_leave_out_zero_about_one_time_in_twenty(
    result: Row, table: Table
) -> None:
    rng, misses = np.random.default_rng(0), 0
    for _ in range(60):
        rows = []
        for model in range(6):
            lean = rng.normal(0, 0.05)  # what this model makes of the method, the same for its seeds
            for seed in range(3):
                rows.append(result(value=rng.normal(0, 0.02), model=f"m{model}", seed=seed))
                rows.append(result(value=lean + rng.normal(0, 0.02), model=f"m{model}", seed=seed, method="m"))
        found = _one(_effects(table(rows)), "m", "clean/accuracy")
        misses += not found["low"] <= 0 <= found["high"]
    assert misses <= 8
