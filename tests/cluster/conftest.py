"""A sweep that is to be broken, and what it comes to undisturbed."""

import copy
import json
import os
import shutil
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from tests.stages.conftest import ROOT, STAGES, TINY

TRAP = '''"""Standard training that falls into the trap that is set for it, once."""

import os
import signal
import time
from contextlib import suppress
from pathlib import Path

from pipelines.supervised.method import Method, Step, plain_loss


def sprung(kind: str) -> bool:
    """Whether a trap of this kind is set; it springs once."""
    with suppress(FileNotFoundError):
        Path(os.path.expandvars(f"$TRAP.{kind}")).unlink()
        return True
    return False


def method() -> Method:
    """No options: what is set is named by the environment, in a way that the search for such code does not see, so that
    it is in no key.
    """

    def loss(step: Step):
        time.sleep(float(os.path.expandvars("$TRAP_SLOW")))
        if sprung("kill"):
            os.kill(os.getpid(), signal.SIGKILL)
        if sprung("hang"):
            time.sleep(3600)
        if sprung("memory"):
            held = [b"x" * 2**28 for _ in range(32)]
            time.sleep(60)
        return plain_loss(step)

    return Method(loss)
'''
RUN = """
import sys
from stages.cli import run_stage
for name in sys.argv[1:]:
    if status := run_stage(name): sys.exit(status)
"""


@dataclass(frozen=True)
class Sweep:
    """A folder with the study, beside a copy of the code that has the trap."""

    folder: Path
    project: Path

    def start(self, *arguments: str, code: str = RUN, **variables: str) -> subprocess.Popen[str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("RAY_", "MLFLOW_"))}
        environment = {**kept, "PYTHONPATH": str(self.project), "TRAP": str(self.folder / "trap"), "TRAP_SLOW": "0"}
        environment |= variables
        environment["RAY_worker_niceness"] = "0"  # or workers stand still while others use the machine
        if "DIFFPROG_STORE" not in variables:
            environment.pop("DIFFPROG_STORE", None)
        return subprocess.Popen(
            [sys.executable, "-c", code, *arguments],
            cwd=self.folder,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run(self, *stages: str, **variables: str) -> tuple[int, str]:
        process = self.start(*(stages or STAGES), **variables)
        said, _ = process.communicate(timeout=600)
        return process.returncode, said

    def succeeds(self, *stages: str, **variables: str) -> None:
        status, said = self.run(*stages, **variables)
        assert status == 0, said

    def runs_in_store(self) -> int:
        return len(list((self.folder / "store/runs").rglob("*.record")))

    def failed(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.folder / "failures/train.json").read_text())
        return found

    def sees(self, what: Callable[[], bool], process: subprocess.Popen[str] | None = None) -> None:
        deadline = time.monotonic() + 240
        while not what():
            assert process is None or process.poll() is None, process.communicate()[0]
            assert time.monotonic() < deadline
            time.sleep(0.05)


@pytest.fixture(scope="module")
def sweeps(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Sweep]:
    """The study with its data prepared, and the same run to its end undisturbed."""
    base = tmp_path_factory.mktemp("faults")
    project = base / "project"
    for package in ("pipelines", "stages", "analysis", "cluster"):
        shutil.copytree(ROOT / package, project / package, ignore=shutil.ignore_patterns("__pycache__"))
    (project / "pipelines/vision/methods/trap.py").write_text(TRAP)
    study = copy.deepcopy(TINY)
    vision = study["vision"]
    vision["models"] = {"resnet": {"widths": [4]}}
    vision["methods"] = {"standard": None, "trap": None}
    vision["seeds"] = [0, 1, 2]
    vision["conditions"] = {"clean": None, "near": {"use": "outliers", "kind": "near"}}
    vision["measurements"] = {name: TINY["vision"]["measurements"][name] for name in ("clean", "near")}
    prepared, finished = Sweep(base / "prepared", project), Sweep(base / "finished", project)
    prepared.folder.mkdir()
    YAML().dump(study, prepared.folder / "params.yaml")
    prepared.succeeds("plan", "prepare")
    shutil.copytree(prepared.folder, finished.folder)
    finished.succeeds(*STAGES[2:])
    return {"prepared": prepared, "finished": finished}


@pytest.fixture
def prepared(sweeps: dict[str, Sweep], tmp_path: Path) -> Sweep:
    return Sweep(Path(shutil.copytree(sweeps["prepared"].folder, tmp_path / "study")), sweeps["prepared"].project)


@pytest.fixture
def finished(sweeps: dict[str, Sweep], tmp_path: Path) -> Sweep:
    return Sweep(Path(shutil.copytree(sweeps["finished"].folder, tmp_path / "study")), sweeps["finished"].project)


@pytest.fixture
def whole(sweeps: dict[str, Sweep]) -> Callable[..., None]:
    """Check that a sweep, run again, came to what the undisturbed one did."""
    expected = (sweeps["finished"].folder / "results.parquet").read_bytes()

    def check(sweep: Sweep, **variables: str) -> None:
        sweep.succeeds(*STAGES[2:], **variables)
        assert (sweep.folder / "results.parquet").read_bytes() == expected
        assert sweep.failed() == {}
        if not variables.get("MLFLOW_TRACKING_URI"):
            assert logged_once(sweep.folder / "mlflow.db", 6)

    return check


def logged_once(database: Path, runs: int) -> bool:
    """Whether the database has so many runs that are not deleted, none of them twice in a study."""
    query = "from runs join tags using (run_uuid) where key = 'run_key' and lifecycle_stage = 'active'"
    with sqlite3.connect(database) as connection:
        keys = connection.execute(f"select experiment_id, value {query}").fetchall()
    return len(keys) == len(set(keys)) == runs


def free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return int(listening.getsockname()[1])
