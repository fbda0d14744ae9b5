"""A study whose outcomes are drawn instead of predicted by trained models: all else of it is real, from the plan to the
findings, and takes seconds.
"""

import json
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from ruamel.yaml import YAML

from pipelines.outcomes import Outcomes
from stages import analyse, artifacts, collect, tables
from stages.artifacts import FAILURES
from stages.cli import run_stage
from stages.making.values import measured_values, store_values
from stages.needed import made_from, measured_runs, needed, planned_cells, planned_values, row_of
from stages.run_values import RunValues
from stages.store import codecs
from stages.store.keys import bytes_digest
from stages.store.provenance import ENVIRONMENT
from stages.store.store import Store
from stages.study import params
from stages.study.expansion import described

CLASSES, EXAMPLES = 6, 400
CORRUPTIONS = ("contrast@1", "fog@1")
STUDY: dict[str, Any] = {
    "study": "drawn",
    "vision": {
        "data": {"use": "glyphs", "train": 120, "validation": 20, "capability": 40, "test": 60, "outliers": 40},
        "training": {"epochs": 1, "batch_size": 30},
        "models": {"resnet": {"widths": [2, 4, 6, 8]}, "vit": {"widths": [12, 16, 24, 32]}},
        "seeds": {"standard": [0, 1], "*": [0]},
        "methods": {
            "standard": None,
            "placebo": None,
            "noise": {"sigma": 0.1},
            "label_smoothing": None,
            "mixup": None,
        },
        "conditions": {
            "clean": None,
            "shown": {"use": "clean", "split": "test"},
            "corruptions": {"images": 10, "kinds": ["contrast", "fog"]},
            "near": {"use": "outliers", "kind": "near"},
        },
        "measurements": {
            "clean": {"accuracy": "capability", "negative_log_likelihood": "capability"},
            "shown": {"accuracy": "robustness", "rms_calibration_error": {"is": "monitoring", "per_bin": 30}},
            "corruptions": {"accuracy": "robustness"},
            "near": {"auroc": "monitoring"},
        },
    },
    "audit": {
        "areas": {"images": "shown/accuracy", "corruptions": "corruptions/accuracy", "outliers": "near/auroc"},
        "margins": {"shown/accuracy": 0.2, "corruptions/accuracy": 0.2},
        "claims": {"noise": ["corruptions"]},
        "draws": 200,
    },
}
GAINS = {  # of each method, in each condition: how much more the right class is favoured
    "noise": {"corruptions": 1.2, "near": 0.1},
    "label_smoothing": {"clean": 0.2, "shown": 0.3},
    "mixup": {"clean": -0.4, "shown": -0.5, "near": 0.8},
}
FAILED = "vision/mixup/vit-32/0"


def drawn_study(folder: Path, content: Mapping[str, Any] = STUDY) -> None:
    """Make it in this folder, which must be the current one: a repository whose one commit the runs were made from."""
    YAML().dump(dict(content), folder / "params.yaml")
    commit = committed(folder)
    assert run_stage("plan") == 0
    _data(folder)
    store, asked = Store("store"), needed(folder)
    environment = {
        "commit": commit,
        "dirty": False,
        "python": "3.11",
        "processor": "Drawn",
        "device": "cpu",
        "threads": 1,
    }
    made = {"environment": json.dumps(environment, sort_keys=True)}
    rows = [{**row_of(run), **made, **_fate(run.run), "parameters": run.parameters} for run in asked.runs]
    rows = [{**row, "flops": float(8 * row["parameters"]), "steps": 4, "loss": 0.5} for row in rows]
    runs = artifacts.RUNS.write(rows)
    cells = planned_cells(runs, asked.conditions, asked.described)
    outcomes = []
    for cell in cells:
        payload = codecs.outcomes_bytes(outcomes_of(cell.run, cell.condition))
        entry = store.write("cells", cell.key, payload, {"run": cell.run, ENVIRONMENT: environment})
        named = {"run": cell.run, "run_key": cell.run_key, "condition": cell.condition, "cell_key": cell.key}
        outcomes.append({**named, "digest": entry.sha256, "status": "finished", "reason": "", **made})
    every = planned_values(runs, asked.measurements, artifacts.OUTCOMES.write(outcomes), asked.conditions)
    for each in every:
        values, failed = measured_values(each, {key: store.read("cells", key) for key in each.outcomes})
        assert not failed
        store_values(
            each, {"values": json.dumps(values, sort_keys=True).encode(), "facts": {ENVIRONMENT: environment}}, store
        )
    _tables(every, store, environment)
    analyse.main()


def committed(folder: Path) -> str:
    """The commit of everything in the folder."""
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@b.c", "-c", "init.defaultBranch=main"]
    for command in (["init", "-q"], ["add", "params.yaml"], ["commit", "-q", "-m", "study", "--allow-empty"]):
        subprocess.run([*git, *command], cwd=folder, check=True)
    return subprocess.check_output(["git", "rev-parse", "HEAD"], cwd=folder, text=True).strip()


def outcomes_of(run: str, condition: str) -> Outcomes:
    """What a run would have done: larger models favour the right class more; methods as in GAINS."""
    _, method, model, seed = run.split("/")
    family, width = model.split("-")
    skill = 0.9 * np.log2(float(width)) - (0.9 if family == "resnet" else 2.8)
    source = np.random.default_rng([*f"{method}{model}{seed}{condition}".encode()])
    shared = np.random.default_rng([*condition.encode()])  # the examples, the same for all runs
    size = EXAMPLES * (2 if condition in ("corruptions", "near") else 1)
    labels = shared.integers(0, CLASSES, size)
    examples = np.arange(size) % EXAMPLES
    hard = shared.normal(0, 1.0, EXAMPLES)[examples]
    own = source.normal(0, 0.04) + GAINS.get(method, {}).get(condition, 0.0)
    favour = skill + own - hard - (0.8 if condition == "corruptions" else 0.0)
    logits = source.normal(0, 1.0, (size, CLASSES)).astype(np.float32)
    logits[np.arange(size), labels] += favour.astype(np.float32)
    names = CORRUPTIONS if condition == "corruptions" else ()
    parts = np.arange(size) // EXAMPLES if names else np.full(size, -1)
    if condition == "near":
        labels = np.where(np.arange(size) < EXAMPLES, labels, -1)
        logits[EXAMPLES:] *= 0.6
    return Outcomes(logits, labels, examples, np.full(size, -1), parts, names)


def _fate(run: str) -> dict[str, str]:
    if run == FAILED:
        return {"status": "failed", "reason": "ValueError: the loss is not finite", "environment": ""}
    return {"status": "finished", "reason": ""}


def _data(folder: Path) -> None:
    """data.json, with the splits in the store."""
    store, study = Store("store"), params.read()
    said = {}
    for task in study.tasks:
        splits = {}
        for name in ("train", "test"):
            payload = codecs.npz({"labels": np.arange(5), "name": np.array([name])})
            splits[name] = {"digest": bytes_digest(payload), "rows": 5, "bytes": len(payload)}
            store.write("data", bytes_digest(payload), payload)
        conditions = {
            part.name: {"digest": f"{number}" * 64, "rows": 5, "bytes": 9}
            for number, part in enumerate(task.conditions)
        }
        about = {"made_from": made_from(described(task), task.shape.about), "about": {"classes": CLASSES}}
        said[task.name] = {**about, "splits": splits, "conditions": conditions}
    (folder / "data.json").write_text(json.dumps(said))


def _tables(every: list[Any], store: Store, environment: Mapping[str, Any]) -> None:
    """The tables that `measure` and `collect` write, without MLflow."""
    runs, planned = measured_runs(), artifacts.PLANNED_MEASUREMENTS.read()
    measurements = {(row["task"], row["measurement"]): row for row in planned.iter_rows(named=True)}
    results: list[Any] = []
    logged, replicates, provenance = [], [], []
    for run in runs.iter_rows(named=True):
        found = RunValues.of([each for each in every if each.run == run["run"]], store, ())
        results += collect.results(run, found.metrics, measurements, found.flags)
        same = {name: run[name] for name in ("task", "domain", "dataset", "method", "model", "seed")}
        replicates += [{**same, "measurement": name, "deviations": each} for name, each in found.deviations.items()]
        provenance.append({**same, "step": run["steps"], "stage": "train", "environment": json.dumps(environment)})
        facts = {"mlflow_run_id": "", "values": "", "metrics": len(found.metrics), "flags": "{}", "environments": "{}"}
        logged.append({"run": run["run"], "run_key": run["run_key"], "unmeasured": "{}", **facts})
    artifacts.RESULTS.write(results)
    artifacts.LOGGED.write(logged)
    artifacts.REPLICATES.write(replicates)
    artifacts.PROVENANCE.write(provenance)
    artifacts.AGREEMENT.write([])
    for path in FAILURES.values():
        tables.write_json({}, path)
