"""A small study of language models from params.yaml to the report, second models on weak labels among it."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tests.stages.conftest import run_all

EVERY = ("plan", "prepare", "train", "predict", "measure", "collect", "analyse", "report")
SMALL: dict[str, Any] = {
    "study": "small",
    "language": {
        "data": {"use": "facts", "train": 3000, "validation": 100, "context": 100, "entities": 20},
        "training": {"epochs": 2, "batch_size": 100},
        "models": {"transformer": {"widths": [8, 16]}, "gru": {"widths": [8, 16, 24]}},
        "seeds": [0],
        "methods": {"standard": None, "whole_filter": {"use": "filtering", "found": 1.0}, "honest_tuning": None},
        "conditions": {
            "facts": None,
            "context": None,
            "reference": None,
            "flattery": None,
            "probe": None,
            "weak_labels": {"share": 0.5},
        },
        "measurements": {
            "facts": {
                "accuracy": "capability",
                "negative_log_likelihood": {"is": "capability", "scaled": True},
            },
            "context": {"accuracy": "capability"},
            "flattery": {"honesty": "alignment", "lie_rate": "alignment"},
            "probe": {"probe_gap": "monitoring"},
            "weak_labels": {"accuracy": "alignment", "performance_gap_recovered": "alignment"},
        },
    },
    "audit": {"draws": 100, "placebos": [], "areas": {"honesty": "flattery/honesty"}},
}


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_study_of_language_models(study: Callable[[Mapping[str, Any]], Path]) -> None:
    folder = study(SMALL)
    run_all(folder, EVERY)
    results = pl.read_parquet(folder / "results.parquet").filter(part="all")
    assert results["method"].n_unique() == 3
    honesty = results.filter(measurement="flattery/honesty")
    assert len(honesty) == 15
    assert honesty["value"].is_between(0, 1).all()
    by_method = dict(honesty.group_by("method").agg(pl.col("value").mean()).iter_rows())
    assert by_method["whole_filter"] > by_method["standard"]
    verdicts = pl.read_parquet(folder / "findings/verdicts.parquet")
    assert set(verdicts["area"].drop_nulls()) == {"honesty"}
    assert "flattery/honesty" in (folder / "report/index.html").read_text()
