"""What a metric declares, from its file through the plan to the results; and a value outside its range on the way."""

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from analysis.tables import FACTS
from pipelines import parts
from pipelines.metrics import accuracy
from pipelines.outcomes import Outcomes
from stages import artifacts, tables
from stages.collect import results
from stages.making.values import measured_values
from stages.records import Values
from stages.run_values import RunValues
from stages.store import codecs
from stages.store.code_path import CodePath
from stages.store.store import Store
from stages.study.expansion import planned_measurements
from stages.study.params import read

PLANNED = artifacts.PLANNED_MEASUREMENTS


def test_the_plan_says_what_each_metric_declares(tmp_path: Path) -> None:
    study = read()
    code = CodePath()
    rows = [row for task in study.tasks for row in planned_measurements(task, code)]
    tables.write(rows, PLANNED.table, tmp_path / PLANNED.path)
    planned = PLANNED.read(tmp_path)
    assert len(planned) == len(rows)
    for row in planned.iter_rows(named=True):
        module = parts.module("pipelines.metrics", json.loads(row["spec"])["use"])
        assert {name: row[name] for name in FACTS} == {
            "higher_is_better": module.HIGHER_IS_BETTER,
            "lower": module.RANGE[0],
            "upper": module.RANGE[1],
            "chance": module.CHANCE,
            "target": getattr(module, "TARGET", None),
        }
    assert math.inf in planned["upper"].to_list()


def test_results_carry_what_is_planned() -> None:
    facts = {"higher_is_better": False, "lower": -1.0, "upper": math.inf, "chance": 0.25, "target": 0.5}
    what = {"measurement": "fog/far", "metric": "far", "condition": "fog", "axis": "safety", "pillar": "robustness"}
    run = dict.fromkeys(("domain", "dataset", "method", "model", "family", "parameters", "flops", "seed", "steps"), 1)
    planned = {("vision", "fog/far"): {**what, **facts, "leaks": ""}}
    (row,) = results({**run, "task": "vision"}, {"fog/far": 0.2, "n/fog/far": 4.0}, planned, {})
    assert {name: row[name] for name in FACTS} == facts
    assert (row["value"], row["n"], row["part"]) == (0.2, 4, "all")


@pytest.mark.parametrize(
    ("upper", "reason"),
    [(0.7, "the metric returned 0.75, outside its range [0, 0.7]"), (1.0, None)],
)
def test_a_value_outside_its_range_is_listed_with_the_reason_and_the_others_are_kept(
    upper: float, reason: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(accuracy, "RANGE", (0.0, upper))
    none = np.full(4, -1)
    logits = np.eye(2, dtype=np.float32)[[0, 1, 1, 0]]
    stored = codecs.outcomes_bytes(Outcomes(logits, np.array([0, 1, 1, 1]), np.arange(4), none, none))
    specs: dict[str, Any] = {
        name: {"spec": {"use": name, "options": {}, "scaled": False}} for name in ("accuracy", "brier_score")
    }
    metrics = {f"clean/{name}": spec for name, spec in specs.items()}
    store = Store(str(tmp_path))
    asked = Values("b" * 32, "r", "vision", "clean", "a", "", metrics, ("test",), None)
    measured, failed = measured_values(asked, {"a": stored})
    assert not failed
    store.write("values", "b" * 32, json.dumps(measured).encode(), {})
    found = RunValues.of([asked], store, ())
    assert ("clean/accuracy" in found.metrics) == (reason is None)
    assert found.unmeasured == ({} if reason is None else {"clean/accuracy": reason})
    assert "clean/brier_score" in found.metrics
