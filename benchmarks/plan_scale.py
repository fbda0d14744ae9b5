"""How the driver's own work grows with the plan: seconds of each step for several numbers of runs.

    python benchmarks/plan_scale.py [--runs 200 2000 20000]

Nothing is trained: the store, the outcomes' records and the MLflow database are filled with what such runs leave, and
the steps then find that there is nothing to do.
"""

import argparse
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from stages import artifacts
from stages.logged import logged_params, plan_digest
from stages.needed import measured_runs, needed, values_of
from stages.run_values import RunValues
from stages.store.keys import bytes_digest
from stages.store.store import SUFFIXES, Store
from stages.tracking import Tracking, values_digest

ROOT = Path(__file__).parent.parent
PAYLOAD = b"payload"
MAIN = "import sys; from stages.cli import main; sys.exit(main(sys.argv[1:]))"
STEPS = ("plan", "train", "predict", "status", "collect", "dvc repro")


def study(runs: int) -> dict[str, Any]:
    """Two methods on two models over many seeds, on digits of 8 pixels."""
    return {
        "study": "scale",
        "audit": {"placebos": ["placebo"]},
        "vision": {
            "data": {"use": "digits", "size": 8, "train": 100},
            "training": {"epochs": 1},
            "models": {"resnet": {"widths": [4, 8], "stem_stride": 1}},
            "seeds": list(range(runs // 4)),
            "methods": {"standard": None, "placebo": None},
            "conditions": {"clean": None},
            "measurements": {"clean": {"accuracy": "capability", "brier_score": "monitoring"}},
        },
    }


def entry(kind: str, key: str, payload: bytes, facts: dict[str, Any]) -> None:
    """Write an entry as the store does, but for the fsync."""
    path = Path("store", kind, key[:2], key)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.with_suffix(f".{SUFFIXES[kind]}").write_bytes(payload)
    record = {"key": key, "size": len(payload), "sha256": bytes_digest(payload), "facts": facts}
    path.with_suffix(".record").write_text(json.dumps(record))


def fill() -> None:
    """What the runs of the plan leave in the store."""
    asked = needed()
    for run in asked.runs:
        facts = {"run": run.run, "seconds": 1.0, "flops": run.planned_flops, "steps": 10, "loss": 1.0}
        entry("runs", run.key, PAYLOAD, facts)
    for cell in asked.cells:
        entry("cells", cell.key, PAYLOAD, {"run": cell.run, "condition": "clean", "seconds": 0.1})
    values = {name: {"all": [0.5, 0.01, 100]} for name in ("clean/accuracy", "clean/brier_score")}
    payload = json.dumps({"values": values, "flags": [], "replicates": {}}).encode()
    for each in asked.values:
        entry("values", each.key, payload, {"run": each.run, "condition": "clean"})


def log() -> None:
    """What `measure` leaves, with the first run logged by MLflow and the others copied in its database."""
    runs = measured_runs()
    planned = artifacts.PLANNED_MEASUREMENTS.read()
    every = values_of(runs)
    store = Store("store")
    first, *others = runs.iter_rows(named=True)
    metrics = RunValues.of([values for values in every if values.run == first["run"]], store, ()).metrics
    plan = plan_digest(dict.fromkeys(runs["run_key"], values_digest(metrics)), planned)
    tracking = Tracking("scale", plan)
    logged = tracking.log(first["run_key"], first["run"], logged_params(first), metrics, first["steps"])
    with sqlite3.connect("mlflow.db") as database:
        for number, run in enumerate(others):
            copied = f"{number:032x}"
            for table in ("runs", "tags", "params", "metrics", "latest_metrics"):
                columns = [row[1] for row in database.execute(f"pragma table_info({table})")]
                chosen = ", ".join("?" if name == "run_uuid" else f'"{name}"' for name in columns)
                database.execute(
                    f"insert into {table} select {chosen} from {table} where run_uuid = ?", (copied, logged.run_id)
                )
            database.execute(
                "update tags set value = ? where run_uuid = ? and key = 'run_key'", (run["run_key"], copied)
            )
    common = {
        "values": logged.values_digest,
        "metrics": len(metrics),
        "flags": "{}",
        "unmeasured": "{}",
        "environments": "{}",
    }
    rows = [
        {"run": run["run"], "run_key": run["run_key"], "mlflow_run_id": logged.run_id, **common}
        for run in (first, *others)
    ]
    artifacts.LOGGED.write(rows)
    artifacts.REPLICATES.write([])
    artifacts.AGREEMENT.write([])
    artifacts.write_failures("measure", [])


def seconds(*command: str) -> float:
    """Of a command that must succeed."""
    environment = {
        **os.environ,
        "PYTHONPATH": os.getcwd(),
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
    }
    began = time.perf_counter()
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)}:\n{done.stdout}\n{done.stderr}")
    return time.perf_counter() - began


def stage(name: str) -> float:
    """Seconds of a stage."""
    return seconds(sys.executable, "-m", "stages", name)


def measured(runs: int) -> dict[str, float]:
    """Seconds of each step, in a fresh copy of the project."""
    here = Path.cwd()
    with tempfile.TemporaryDirectory() as folder:
        ours = shutil.ignore_patterns("__pycache__", "*.parquet", "cache", "tmp", "*.json")
        for name in ("pipelines", "stages", "analysis", "cluster", ".dvc", "data", "plan", "failures"):
            shutil.copytree(ROOT / name, Path(folder, name), ignore=ours)
        for name in ("dvc.yaml", ".dvcignore", ".gitignore", "refined.parquet", "retry.json"):
            shutil.copy(ROOT / name, folder)
        os.chdir(folder)
        try:
            subprocess.run(["git", "init", "-q"], check=True)
            YAML().dump(study(runs), Path("params.yaml"))
            spent = {"plan": stage("plan")}
            stage("prepare")
            fill()
            spent |= {name: stage(name) for name in ("train", "predict")}
            spent["status"] = seconds(sys.executable, "-c", MAIN, "status")
            log()
            spent["collect"] = stage("collect")
            for out in ("findings", "report"):
                Path(out).mkdir()
                Path(out, "made").write_text("")
            Path("audit.json").write_text("{}")
            dvc = (sys.executable, "-m", "dvc")
            seconds(*dvc, "commit", "--force")
            spent["dvc repro"] = seconds(*dvc, "repro")
        finally:
            os.chdir(here)
    return spent


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, nargs="+", default=[200, 2000, 20000])
    chosen = parser.parse_args()
    print(f"| runs | {' | '.join(f'{step}, s' for step in STEPS)} |\n|{'---|' * (len(STEPS) + 1)}", flush=True)
    for runs in chosen.runs:
        spent = measured(runs)
        print(f"| {runs:,} | {' | '.join(f'{spent[step]:.1f}' for step in STEPS)} |", flush=True)


if __name__ == "__main__":
    main()
