"""Many models share the runs of MLflow, and come back as if each had one of its own."""

from pathlib import Path
from typing import Any

import polars as pl
import pytest

from stages.cli import main
from stages.errors import TrackingError
from stages.imports import batches
from stages.imports.tracked import _state, collect
from stages.tracking import Tracking
from stages.tracking_run import Logged
from stages.tracking_values import Values


def run(number: int, **metrics: float) -> dict[str, Any]:
    about = {"model": f"m{number}", "family": "f"}
    return {"model": f"m{number}", "about": about, "metrics": metrics, "run_key": str(number)}


def back(batch: dict[str, Any]) -> list[Any]:
    packed = Values({0: batch["metrics"]}).packed()
    return list(batches.models_in(Logged("id", "", batch["params"], {}, packed)))


@pytest.mark.parametrize(("models", "runs"), [(batches.FEW, batches.FEW), (batches.FEW + 1, 3), (1000, 11)])
def test_what_goes_into_runs_comes_out(models: int, runs: int) -> None:
    every = [
        run(number, **({"imported/a": number / 7, "n/imported/a": 3.0} if number % 5 else {}))
        for number in range(models)
    ]
    made = list(batches.batches(every))
    assert len(made) == runs
    assert [model for batch in made for model in back(batch)] == [(one["about"], one["metrics"]) for one in every]
    assert len({batch["key"] for batch in made}) == runs
    assert all(len(batch["metrics"]) <= 800 and len(batch["params"]) <= 99 for batch in made)


def test_a_study_of_many_models_is_noticed_to_be_incomplete(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/mlflow.db")
    models = batches.FEW + 40
    names = [f"m{number:03d}" for number in range(models)]
    frame = pl.DataFrame({"model": names, "acc": [number / models for number in range(models)]})
    frame.write_csv(tmp_path / "t.csv")
    (tmp_path / "spec.yaml").write_text("study: many\nkey: model\ncapability: acc\n")
    asked = ["import", str(tmp_path / "t.csv"), "--spec", str(tmp_path / "spec.yaml")]
    assert main(asked) == 0
    found = collect("many").results.sort("model")
    assert found["model"].to_list() == names
    assert found["value"].to_list() == frame["acc"].to_list()
    tracking = Tracking("many", _state("many")["plan"])
    assert len(tracking.children) == 3
    tracking.client.delete_run(next(one.run_id for one in tracking.children if "model.098" in one.params))
    with pytest.raises(
        TrackingError, match=rf"^MLflow holds {models - 99} of {models} models of 'many'; import them again$"
    ):
        collect("many")
    assert main(asked) == 0
    assert collect("many").results.sort("model").equals(found)
