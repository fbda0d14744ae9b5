"""Capability scores of tables with gaps: who keeps one, and that it is said of whom."""

import numpy as np
import polars as pl
import pytest

from analysis.model_scores import COMPONENT, MEAN, ModelScores, model_scores

COLUMNS = ("mmlu", "arc", "gsm8k", "bbh")


def scored(score: str, blanks: int = 1) -> ModelScores:
    """Twenty models, of which sixteen lack `blanks` of four measurements, each another one."""
    skill, rng = np.linspace(0.3, 0.7, 20), np.random.default_rng(0)
    cells = {name: skill + rng.normal(0, 0.02, 20) for name in COLUMNS}
    for model in range(4, 20):
        for blank in range(blanks):
            cells[COLUMNS[(model + blank) % 4]][model] = np.nan
    wide = pl.DataFrame({"model": [f"m{model}" for model in range(20)], **cells}).fill_nan(None)
    return model_scores(wide, dict.fromkeys(COLUMNS, "capability"), score, wide["model"].to_list())


def test_models_with_enough_measurements_keep_their_score_and_are_counted() -> None:
    found = scored(COMPONENT)
    said = "pc1: 4 of 20 models have all 4 capability measurements; 16 are scored from at least 3 of them"
    assert found.notes == [said]
    assert found.values[COMPONENT].null_count() == 0


def test_models_with_too_few_lose_it_and_are_named() -> None:
    found = scored(COMPONENT, blanks=2)
    (said,) = found.notes
    assert said.startswith(
        "pc1: 4 of 20 models have all 4 capability measurements; 16 are left out with fewer than 3: m4, m5, "
    )
    assert found.values[COMPONENT].null_count() == 16


def test_the_plain_mean_is_of_models_that_have_all() -> None:
    found = scored(MEAN)
    assert found.values[MEAN].null_count() == 16
    assert "16" in " ".join(found.notes)


@pytest.mark.parametrize("score", [COMPONENT, MEAN])
def test_without_a_baseline_model_there_is_no_score_and_the_cause_is_said(score: str) -> None:
    """As where every row names a method, if only "none"."""
    wide = pl.DataFrame({"model": ["a", "b", "c"], "acc": [0.1, 0.2, 0.3]})
    said = f"^No {score}: no row is a baseline model, whose method and baseline are both empty$"
    with pytest.raises(ValueError, match=said):
        model_scores(wide, {"acc": "capability"}, score, [])
    assert model_scores(wide, {"acc": "capability"}, "acc", []).values["acc"].to_list() == [0.1, 0.2, 0.3]
