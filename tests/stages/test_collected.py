"""What results.parquet holds of the runs that were measured."""

from typing import Any

import polars as pl

from stages.artifacts import CHECKPOINT, RUN
from stages.collect import without_end


def row(run: str, role: str) -> dict[str, Any]:
    task, method, model, seed = run.partition("@")[0].split("/")
    return {"run": run, "role": role, "task": task, "method": method, "model": model, "seed": int(seed)}


def test_a_run_is_not_judged_by_what_it_was_on_the_way() -> None:
    """Of three runs with checkpoints one has values at its end, of one nothing could be measured there, one failed
    before it.
    """
    kept, lost, failed = "vision/standard/cnn-8/0", "vision/standard/cnn-8/1", "vision/noise/cnn-8/0"
    checkpoints = [f"{run}@{step}" for run in (kept, lost, failed) for step in (1, 5)]
    runs = pl.DataFrame([row(kept, RUN), row(lost, RUN), *(row(name, CHECKPOINT) for name in checkpoints)])
    measured: dict[str, list[int]] = {kept: [1, 2], lost: [], **{name: [1] for name in checkpoints}}
    assert without_end(runs, measured) == [f"{lost}@1", f"{lost}@5", f"{failed}@1", f"{failed}@5"]
    measured[f"{lost}@5"] = []
    assert without_end(runs, measured) == [f"{lost}@1", f"{failed}@1", f"{failed}@5"]
