"""How the driver's own work grows with the plan: seconds of each step for several numbers of runs.

    python benchmarks/plan_scale.py [--runs 200 2000 20000] [--wide 7x12 20x24] [--status 100000]

Nothing is trained: the store, the outcomes' records and the MLflow database are filled with what such runs leave, and
the steps then find that there is nothing to do. Studies that are wide in methods x models, under the conditions of
params.yaml, are planned alone, and of so many runs as --status says `diffprog status` alone is run: medians of three.
Where other work shares the machine, the processors' seconds are closest to a quiet one's.
"""

import argparse
import json
import os
import shutil
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from ruamel.yaml import YAML

from stages import artifacts
from stages.described import described, plan_digest
from stages.needed import measured_runs, needed, values_of
from stages.run_values import RunValues
from stages.store.keys import bytes_digest
from stages.store.store import SUFFIXES, Store
from stages.tracking import Tracking
from stages.tracking_values import Values

ROOT = Path(__file__).parent.parent
PAYLOAD = b"payload"
STAGE = (sys.executable, "-m", "stages")
COMMAND = (sys.executable, "-c", "import sys; from stages.cli import main; sys.exit(main(sys.argv[1:]))")
REPEATS = 3
METHODS = (  # of the suite, as they come
    *("standard", "placebo", "mixup", "label_smoothing", "noise", "adversarial", "outlier_exposure"),
    *("augmix", "awp", "cutmix", "dropout", "energy", "fast_adversarial", "mart", "masked", "mc_dropout", "sam"),
    *("trades", "weight_averaging", "weight_decay"),
)
FAMILIES = {"resnet": range(4, 100, 4), "convnext": range(4, 100, 4), "vit": range(16, 400, 16)}  # widths
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


def wide(methods: int, models: int) -> dict[str, Any]:
    """At most 20 methods, and models in threes, under the conditions of params.yaml."""
    asked: dict[str, Any] = YAML(typ="safe").load(ROOT / "params.yaml")
    each = models // len(FAMILIES)
    options = asked["vision"]["methods"]
    asked["vision"]["methods"] = {name: options.get(name) for name in METHODS[:methods]}
    asked["vision"]["models"] = {name: {"widths": list(widths[:each])} for name, widths in FAMILIES.items()}
    return asked


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
    every = values_of(runs)
    store = Store("store")
    first, *others = runs.iter_rows(named=True)
    found = RunValues.of([values for values in every if values.run == first["run"]], store, ()).metrics
    data = artifacts.prepared_data()
    tracking = Tracking("scale", plan_digest(artifacts.RUNS.read()["run_key"], data))
    logged = tracking.log(described(first, {}, data, {}), Values({first["steps"]: found}, {first["steps"]: {}}))
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
        "metrics": len(found),
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


class Spent(NamedTuple):
    """Of a command: seconds by the clock, of the processors in it and its children, and the most memory of one."""

    seconds: float
    cpu_seconds: float
    gib: float


def spent(*command: str) -> Spent:
    """On a command that must succeed."""
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    environment = {**os.environ, "PYTHONPATH": os.getcwd(), "PATH": path}
    began = time.perf_counter()
    with tempfile.TemporaryFile("w+") as said:
        process = subprocess.Popen(command, env=environment, stdout=said, stderr=said)
        _, ended, usage = os.wait4(process.pid, 0)
        wall, process.returncode = time.perf_counter() - began, os.waitstatus_to_exitcode(ended)
        if process.returncode:
            said.seek(0)
            raise SystemExit(f"{' '.join(command)}:\n{said.read()}")
    return Spent(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 2**20)


def median(*command: str) -> Spent:
    """Of three runs of a command, each number on its own."""
    return Spent(*map(statistics.median, zip(*(spent(*command) for _ in range(REPEATS)), strict=True)))


def seconds(*command: str) -> float:
    """By the clock, of a command."""
    return spent(*command).seconds


def stage(name: str) -> float:
    """Seconds of a stage."""
    return seconds(*STAGE, name)


@contextmanager
def project(asked: dict[str, Any]) -> Iterator[None]:
    """A fresh copy of the project with this study, as the current folder."""
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
            YAML().dump(asked, Path("params.yaml"))
            yield
        finally:
            os.chdir(here)


def measured(runs: int) -> dict[str, float]:
    """Seconds of each step."""
    with project(study(runs)):
        took = {"plan": stage("plan")}
        stage("prepare")
        fill()
        took |= {name: stage(name) for name in ("train", "predict")}
        took["status"] = seconds(*COMMAND, "status")
        log()
        took["collect"] = stage("collect")
        for out in ("findings", "report"):
            Path(out).mkdir()
            Path(out, "made").write_text("")
        Path("audit.json").write_text("{}")
        dvc = (sys.executable, "-m", "dvc")
        seconds(*dvc, "commit", "--force")
        took["dvc repro"] = seconds(*dvc, "repro")
    return took


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, nargs="*", default=[200, 2000, 20000])
    parser.add_argument("--wide", nargs="*", default=[], metavar="METHODSxMODELS")
    parser.add_argument("--status", type=int, nargs="*", default=[], metavar="RUNS")
    chosen = parser.parse_args()
    if chosen.runs:
        print(f"| runs | {' | '.join(f'{step}, s' for step in STEPS)} |\n|{'---|' * (len(STEPS) + 1)}", flush=True)
    for runs in chosen.runs:
        took = measured(runs)
        print(f"| {runs:,} | {' | '.join(f'{took[step]:.1f}' for step in STEPS)} |", flush=True)
    if chosen.wide or chosen.status:
        print("| command | s | CPU s | GiB |\n|---|---|---|---|", flush=True)
    for asked in chosen.wide:
        methods, models = map(int, asked.split("x"))
        with project(wide(methods, models)):
            for name, command in (("plan", STAGE), ("diffprog plan", COMMAND)):
                print_row(f"{name}, {methods} methods x {models} models", median(*command, "plan"))
    for runs in chosen.status:
        with project(study(runs)):
            stage("plan")
            stage("prepare")
            fill()
            print_row(f"diffprog status, {runs:,} runs", median(*COMMAND, "status"))


def print_row(name: str, took: Spent) -> None:
    """Of the second table."""
    print(f"| {name} | {took.seconds:.1f} | {took.cpu_seconds:.1f} | {took.gib:.2f} |", flush=True)


if __name__ == "__main__":
    main()
