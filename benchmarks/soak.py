"""Random faults over one sweep: it is run again until it is whole, and must come to what an undisturbed one comes to.

    python benchmarks/soak.py [--faults 20] [--runs 200] [--seed 0] [--every 6]

A fault every few seconds: a worker, the driver or the raylet killed with -9, a worker stopped for a while, a record cut
short, a byte of a payload flipped, a payload removed, a foreign file put into the store.
"""

import argparse
import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from ruamel.yaml import YAML

ROOT = Path(__file__).parent.parent
STAGES = ("plan", "prepare", "train", "predict", "measure", "collect")
RUN = """
import sys
from pathlib import Path
from stages.cli import run_stage
for name in sys.argv[1:]:
    Path("stage").write_text(name)
    if status := run_stage(name): sys.exit(status)
"""
KINDS = (
    "worker killed",
    "driver killed",
    "raylet killed",
    "worker stopped for 3 s",
    "record cut short",
    "byte flipped",
    "payload removed",
    "foreign file",
)


def study(runs: int) -> dict[str, Any]:
    """Two methods over many seeds, on digits of 8 pixels."""
    return {
        "study": "soak",
        "vision": {
            "data": {"use": "digits", "size": 8, "train": 200},
            "training": {"epochs": 1},
            "models": {"resnet": {"widths": [4], "stem_stride": 1}},
            "seeds": list(range(runs // 2)),
            "methods": {"standard": None, "mixup": None},
            "conditions": {"clean": None},
            "measurements": {"clean": {"accuracy": "capability", "brier_score": "monitoring"}},
        },
    }


def drive(folder: Path) -> subprocess.Popen[str]:
    """Start the stages, or go on with them."""
    # Ray's workers give way to all other work (nice 15); on a machine that is shared they would stand still
    environment = {"RAY_worker_niceness": "0", **os.environ, "PYTHONPATH": str(ROOT)}
    with (folder / "log").open("a") as log:
        return subprocess.Popen(
            [sys.executable, "-c", RUN, *STAGES], cwd=folder, env=environment, stdout=log, stderr=log, text=True
        )


def inject(kind: str, folder: Path, driver: subprocess.Popen[str], chance: np.random.Generator) -> bool:
    """Do one fault; whether there was anything to do it to."""

    def processes(name: str) -> list[psutil.Process]:
        below = psutil.Process(driver.pid).children(recursive=True) if driver.poll() is None else []
        return [process for process in below if process.is_running() and process.name().startswith(name)]

    def one(things: list[Any]) -> Any:
        return things[chance.integers(len(things))] if things else None

    suffixes = (".safetensors", ".npz", ".json")
    stored = [path for path in (folder / "store").rglob("*") if "data" not in path.parts and "failed" not in path.parts]
    records = sorted(path for path in stored if path.suffix == ".record")
    payloads = sorted(path for path in stored if path.suffix in suffixes and path.name != "lock.json")
    choices: dict[str, Callable[[], Any]] = {
        "worker killed": lambda: one(processes("ray::")),
        "worker stopped for 3 s": lambda: one(processes("ray::")),
        "raylet killed": lambda: one(processes("raylet")),
        "driver killed": lambda: driver if driver.poll() is None else None,
        "record cut short": lambda: one(records),
        "byte flipped": lambda: one(payloads),
        "payload removed": lambda: one(payloads),
        "foreign file": lambda: folder / "store",
    }
    target = choices[kind]()
    if target is None:
        return False
    if kind.endswith("killed"):
        target.send_signal(signal.SIGKILL)
    elif kind.startswith("worker stopped"):
        target.suspend()
        time.sleep(3)
        target.resume()
    elif kind == "record cut short":
        target.write_bytes(target.read_bytes()[: int(chance.integers(1, 40))])
    elif kind == "byte flipped":
        content = bytearray(target.read_bytes())
        content[chance.integers(len(content))] ^= 1 << int(chance.integers(8))
        target.write_bytes(content)
    elif kind == "payload removed":
        target.unlink()
    else:
        (target / "runs").mkdir(parents=True, exist_ok=True)
        (target / "runs" / f"foreign-{chance.integers(10**6)}.record").write_text("mine")
    return True


def whole(folder: Path, expected: bytes, runs: int) -> bool:
    """Whether the results are those of the undisturbed sweep, and MLflow holds each run once."""
    query = "select value from runs join tags using (run_uuid) where key = 'run_key' and lifecycle_stage = 'active'"
    with sqlite3.connect(folder / "mlflow.db") as database:
        keys = [key for (key,) in database.execute(query)]
    same = (folder / "results.parquet").read_bytes() == expected
    return same and len(keys) == len(set(keys)) == runs


def main() -> None:
    """Print the table of faults and what came of it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--faults", type=int, default=20)
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--every", type=float, default=6.0, help="mean seconds between faults")
    chosen = parser.parse_args()
    chance = np.random.default_rng(chosen.seed)
    kinds = [str(kind) for kind in chance.permutation(KINDS)]  # the one that was longest not done comes first
    with tempfile.TemporaryDirectory() as base:
        calm, rough = Path(base, "calm"), Path(base, "rough")
        for folder in (calm, rough):
            folder.mkdir()
            YAML().dump(study(chosen.runs), folder / "params.yaml")
        began = time.monotonic()
        if drive(calm).wait():
            raise SystemExit((calm / "log").read_text())
        undisturbed = time.monotonic() - began
        began, drivers, statuses = time.monotonic(), 1, Counter[int]()
        done: list[str] = []
        driver = drive(rough)
        print("| s | stage | fault | runs in the store |\n|---|---|---|---|", flush=True)
        while len(done) < chosen.faults or driver.poll() is None or driver.returncode:
            if driver.poll() is not None:
                statuses[driver.returncode] += 1
                driver, drivers = drive(rough), drivers + 1
            if len(done) >= chosen.faults:
                driver.wait()
                continue
            time.sleep(float(chance.exponential(chosen.every)))
            at = (rough / "stage").read_text() if (rough / "stage").exists() else "start"
            if at not in STAGES[2:]:  # there is nothing to break yet
                continue
            with suppress(psutil.NoSuchProcess, FileNotFoundError):  # gone between the look and the fault
                kind = next(kind for kind in kinds if inject(kind, rough, driver, chance))
                kinds.append(kinds.pop(kinds.index(kind)))
                done.append(kind)
                stored = len(list((rough / "store/runs").rglob("*.safetensors")))
                print(f"| {time.monotonic() - began:.0f} | {at} | {kind} | {stored} |", flush=True)
        spent = time.monotonic() - began
        if drive(rough).wait():  # what was damaged after its stage is found by the next run
            raise SystemExit((rough / "log").read_text()[-3000:])
        good = whole(rough, (calm / "results.parquet").read_bytes(), chosen.runs)
    ended = ", ".join(f"{count} with status {status}" for status, count in sorted(statuses.items()))
    print(
        f"\n{len(done)} faults, {drivers} drivers ({ended or 'none ended early'}); undisturbed {undisturbed:.0f} s,",
        end="",
    )
    print(
        f" with faults {spent:.0f} s; results {'identical' if good else 'DIFFERENT'}, each run in MLflow once: {good}"
    )
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
