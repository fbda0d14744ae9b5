"""How the driver's own work grows with the plan: seconds and memory of each step for several numbers of runs.

    python benchmarks/growth.py [--runs 200 2000 20000] [--picture growth.svg]
    python benchmarks/growth.py --runs --train 200 2000 --wide 7x12 20x24 --status 100000

Nothing is trained for --runs: the store, the outcomes' records and the MLflow database are filled with what such runs
leave, and the steps then find that there is nothing to do; `analyse` and `report` get values that vary from run to run.
So many models as --train says are trained, tiny ones, by stage `train`. Studies that are wide in methods x models,
under the conditions of params.yaml, are planned alone, and of so many runs as --status says `diffprog status` alone is
run: medians of three. Where other work shares the machine, the processors' seconds are closest to a quiet one's.
"""

import argparse
import json
import math
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

import numpy as np
import polars as pl
from ruamel.yaml import YAML
from tracking import Page

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
STEPS = ("plan", "train", "predict", "status", "collect", "analyse", "report", "dvc repro")


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


def stage(name: str) -> Spent:
    """On a stage."""
    return spent(*STAGE, name)


@contextmanager
def project(asked: dict[str, Any]) -> Iterator[None]:
    """A fresh copy of the project with this study, as the current folder."""
    here = Path.cwd()
    with tempfile.TemporaryDirectory() as folder:
        ours = shutil.ignore_patterns("__pycache__", "*.parquet", "cache", "tmp", "*.json")
        for name in ("pipelines", "stages", "analysis", "cluster", ".dvc", "data", "plan", "failures"):
            shutil.copytree(ROOT / name, Path(folder, name), ignore=ours)
        for name in ("dvc.yaml", ".dvcignore", ".gitignore"):
            shutil.copy(ROOT / name, folder)
        os.chdir(folder)
        try:
            subprocess.run(["git", "init", "-q"], check=True)
            YAML().dump(asked, Path("params.yaml"))
            yield
        finally:
            os.chdir(here)


def measured(runs: int) -> dict[str, Spent]:
    """What each step takes."""
    with project(study(runs)):
        took = {"plan": stage("plan")}
        stage("prepare")
        fill()
        took |= {name: stage(name) for name in ("train", "predict")}
        took["status"] = spent(*COMMAND, "status")
        log()
        took["collect"] = stage("collect")
        artifacts.RESULTS.write(varied(artifacts.RESULTS.read()).to_dicts())
        took["analyse"] = stage("analyse")
        took["report"] = spent(*COMMAND, "report", "--out", "report", "--examples", "0")
        print(f"{runs:,} runs: the report is {opened(Path('report'))}", flush=True)
        dvc = (sys.executable, "-m", "dvc")
        spent(*dvc, "commit", "--force")
        took["dvc repro"] = spent(*dvc, "repro")
    return took


def opened(report: Path) -> str:
    """How large a report is, and how long Chromium takes to open it: the median of three, in words."""
    size = sum(path.stat().st_size for path in report.rglob("*")) / 2**20
    with tempfile.TemporaryDirectory() as profile:
        page = Page(Path(profile))
        script = "document.readyState == 'complete' && document.querySelector('table')"
        took = [page.opened((report / "index.html").resolve().as_uri(), script) for _ in range(REPEATS)]
        page.close()
    return f"{size:.1f} MiB and opens in {statistics.median(took):.1f} s"


def varied(results: pl.DataFrame) -> pl.DataFrame:
    """The table with values that differ from run to run and rise with the model's size."""
    noise = np.random.default_rng(0).normal(0, 0.03, len(results))
    return results.with_columns(value=0.4 + 0.02 * pl.col("parameters").log() + pl.Series(noise))


def exponent(runs: tuple[int, int], took: tuple[float, float]) -> float:
    """The power of the number of runs that a cost grew with, between two of them."""
    return math.log(took[1] / took[0]) / math.log(runs[1] / runs[0])


def print_growth(every: dict[int, dict[str, Spent]]) -> None:
    """Seconds, then GiB, of each step by the number of runs, and the exponents between the last two."""
    for unit, shown in (("seconds", "{:.1f}"), ("gib", "{:.2f}")):
        print(f"| runs | {' | '.join(f'{step}, {unit}' for step in STEPS)} |\n|{'---|' * (len(STEPS) + 1)}")
        for runs, took in every.items():
            print(f"| {runs:,} | {' | '.join(shown.format(getattr(took[step], unit)) for step in STEPS)} |")
        if len(every) > 1:
            (few, less), (many, more) = list(every.items())[-2:]
            grew = [exponent((few, many), (getattr(less[step], unit), getattr(more[step], unit))) for step in STEPS]
            print(f"| exponent | {' | '.join(f'{each:.2f}' for each in grew)} |", flush=True)


def draw(every: dict[int, dict[str, Spent]], path: Path) -> None:
    """Seconds and GiB of each step against the number of runs, on axes of powers."""
    import matplotlib as mpl

    mpl.use("svg")
    mpl.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "growth"})
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
    for axis, unit, title in zip(axes, ("seconds", "gib"), ("seconds", "memory, GiB"), strict=True):
        for step, marker in zip(STEPS, "osv^D<>P", strict=True):
            axis.plot(list(every), [getattr(took[step], unit) for took in every.values()], marker=marker, label=step)
        axis.set(xscale="log", yscale="log", xlabel="runs", ylabel=title)
        axis.grid(alpha=0.3)
    sizes = np.array(list(every))
    axes[0].plot(sizes, sizes / 1000, color="grey", linestyle=":", label="1 ms a run")
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside right center", frameon=False)
    figure.savefig(path, metadata={"Date": None})


def trained(runs: int) -> Spent:
    """On stage `train` with so many tiny models to train; Ray's start is in it."""
    with project(study(runs)):
        stage("plan")
        stage("prepare")
        return stage("train")


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, nargs="*", default=[200, 2000, 20000])
    parser.add_argument("--picture", type=Path, help="an SVG of the first table")
    parser.add_argument("--train", type=int, nargs="*", default=[], metavar="RUNS")
    parser.add_argument("--wide", nargs="*", default=[], metavar="METHODSxMODELS")
    parser.add_argument("--status", type=int, nargs="*", default=[], metavar="RUNS")
    chosen = parser.parse_args()
    if chosen.runs:
        every = {runs: measured(runs) for runs in chosen.runs}
        print_growth(every)
        if chosen.picture:
            draw(every, chosen.picture)
    if chosen.train or chosen.wide or chosen.status:
        print("| command | s | CPU s | GiB |\n|---|---|---|---|", flush=True)
    for runs in chosen.train:
        print_row(f"train, {runs:,} models", trained(runs))
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
