"""Faults in mid-sweep: after each, running again gives the bytes of the undisturbed sweep, and MLflow each run once."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest
from ruamel.yaml import YAML

from stages.store.lock import locked, said
from stages.store.store import Store
from tests.cluster.conftest import RUN, Sweep, free_port, logged_once
from tests.stages.conftest import STAGES

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(900)]

KILLED = """
import os, signal, sys
from stages import collect, predict, tables, tracking, train
from stages.store import store
_, name, owner, attribute, wanted, count = sys.argv
owner = {"os": store.os, "Store": store.Store, "Tracking": tracking.Tracking, "tables": tables}[owner]
real, left = getattr(owner, attribute), int(count)
def counted(*arguments, **options):
    global left
    left -= any(wanted in str(argument) for argument in arguments)
    if left == 0: os.kill(os.getpid(), signal.SIGKILL)
    return real(*arguments, **options)
setattr(owner, attribute, counted)
from stages.cli import run_stage
run_stage(name)
"""


def test_a_worker_killed_in_mid_training(prepared: Sweep, whole: Callable[..., None]) -> None:
    (prepared.folder / "trap.kill").touch()
    prepared.succeeds("train")
    assert not (prepared.folder / "trap.kill").exists()
    assert prepared.failed() == {}
    whole(prepared)


@pytest.mark.parametrize(
    ("kind", "error", "variables", "compute"),
    [
        ("hang", "TimeoutError: not finished after 20 s", {}, {"timeout_s": 20}),
        ("memory", "NodeOutOfMemory: ", {"RAY_task_oom_retries": "0", "RAY_memory_monitor_refresh_ms": "100"}, {}),
    ],
)
def test_a_task_that_hangs_or_eats_all_memory_fails_alone(
    prepared: Sweep,
    whole: Callable[..., None],
    kind: str,
    error: str,
    variables: dict[str, str],
    compute: dict[str, Any],
) -> None:
    memory = psutil.virtual_memory()
    left = memory.available - 2**32  # 4 GiB: the sweep itself takes half of that
    variables = {**variables, "RAY_memory_usage_threshold": f"{1 - left / memory.total:.4f}"}
    params = prepared.folder / "params.yaml"
    YAML().dump({**YAML(typ="safe").load(params), "compute": compute}, params)
    (prepared.folder / f"trap.{kind}").touch()
    prepared.succeeds("train", **(variables if kind == "memory" else {}))
    failed = prepared.failed()
    assert len(failed) == 1
    (reason,) = (found["reason"] for found in failed.values())
    assert reason.startswith(error)
    assert prepared.runs_in_store() == 5
    whole(prepared)


def test_the_driver_killed_in_every_stage_and_in_mid_record(prepared: Sweep, whole: Callable[..., None]) -> None:
    """Each time with -9, and each time the same stage goes on."""
    for name, owner, attribute, wanted, count in (
        ("train", "os", "replace", ".safetensors", 2),
        ("train", "os", "replace", ".record", 2),
        ("predict", "os", "replace", ".npz", 5),
        ("measure", "os", "replace", "values", 2),
        ("measure", "Tracking", "log", "Tracking", 3),
        ("collect", "tables", "write", "results", 1),
    ):
        process = prepared.start(name, owner, attribute, wanted, str(count), code=KILLED)
        said, _ = process.communicate(timeout=300)
        assert process.returncode == -signal.SIGKILL, f"{name}: {said}"
        if (name, wanted) not in (("train", ".safetensors"), ("measure", "values")):  # which are killed once more
            prepared.succeeds(name)
    whole(prepared)


def test_records_cut_short_payloads_with_a_flipped_byte_and_foreign_files(
    finished: Sweep, whole: Callable[..., None]
) -> None:
    for kind, suffix in (("runs", "safetensors"), ("cells", "npz"), ("values", "json")):
        records = sorted((finished.folder / "store" / kind).rglob("*.record"))
        records[0].write_bytes(records[0].read_bytes()[:20])
        payload = records[1].with_suffix(f".{suffix}")
        content = bytearray(payload.read_bytes())
        content[len(content) // 2] ^= 1
        payload.write_bytes(content)
        records[2].with_suffix(f".{suffix}").unlink()
        (finished.folder / "store" / kind / "notes.txt").write_text("mine")
    whole(finished)
    assert len(list((finished.folder / "store").rglob("notes.txt"))) == 3


SET_BACK = (
    """
import sys, time
real = time.time
time.time = lambda: real() - 400 * 86400
"""
    + RUN
)


def test_a_clock_that_is_set_back(finished: Sweep, whole: Callable[..., None]) -> None:
    """Times of files and of the machine, years off in either direction: nothing is made twice, the rest is right."""
    kept = sorted((finished.folder / "store").rglob("*.record"))
    for number, path in enumerate(sorted(finished.folder.rglob("*"))):
        os.utime(path, (10**9 * (number % 3), 10**9 * (number % 3)))
    runs = [path for path in kept if "/runs/" in path.as_posix()]
    runs[0].unlink()
    stamps = {path: path.stat().st_mtime_ns for path in kept if path.exists()}
    process = finished.start(*STAGES[2:], code=SET_BACK)
    said, _ = process.communicate(timeout=600)
    assert process.returncode == 0, said
    assert {path: path.stat().st_mtime_ns for path in stamps} == stamps
    assert runs[0].exists()
    whole(finished)


def test_a_second_driver_on_the_store_waits_and_goes_on(prepared: Sweep, whole: Callable[..., None]) -> None:
    with locked(Store(str(prepared.folder / "store")), "train") as progress:
        second = prepared.start("train")
        assert second.stdout is not None
        waits = f"store: waiting for the driver at work on this store: {said(progress.driver)}\n"
        assert second.stdout.readline() == waits
        assert prepared.runs_in_store() == 0
    rest, _ = second.communicate(timeout=600)
    assert second.returncode == 0, rest
    assert prepared.runs_in_store() == 6
    whole(prepared)


@pytest.mark.skipif(os.geteuid() != 0, reason="needs the right to mount")
def test_a_disk_that_is_full(prepared: Sweep, whole: Callable[..., None], tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", str(disk)], check=True)
    try:
        shutil.copytree(prepared.folder / "store", disk / "store")
        filler = disk / "filler"
        free = shutil.disk_usage(disk).free
        filler.write_bytes(b"x" * (free - 2**16))
        status, said = prepared.run("train", DIFFPROG_STORE=str(disk / "store"))
        assert status == 2, said
        assert said.splitlines()[-1].startswith(f"{disk}/store: cannot write ")
        assert said.splitlines()[-1].endswith("No space left on device")
        assert not list((disk / "store").rglob("*.part"))
        filler.unlink()
        whole(prepared, DIFFPROG_STORE=str(disk / "store"))
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)


@contextmanager
def mlflow_server(folder: Path, port: int) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    command += [
        "--backend-store-uri",
        f"sqlite:///{folder}/server.db",
        "--default-artifact-root",
        str(folder / "files"),
    ]
    environment = {**os.environ, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    with (
        (folder / "server.log").open("a") as log,
        subprocess.Popen(
            command, cwd=folder, env=environment, stdout=log, stderr=log, start_new_session=True
        ) as process,
    ):
        try:
            deadline = time.monotonic() + 240
            while socket.socket().connect_ex(("127.0.0.1", port)):
                assert process.poll() is None
                assert time.monotonic() < deadline, (folder / "server.log").read_text()
                time.sleep(0.2)
            yield process
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)


LOGGED_ONE = (
    """
from stages import tracking
real = tracking.Tracking.log
def slowly(self, *rest, **more):
    import pathlib, time
    found = real(self, *rest, **more)
    pathlib.Path("logged").touch()
    time.sleep(1)
    return found
tracking.Tracking.log = slowly
"""
    + RUN
)


def test_a_tracking_server_that_goes_away_for_a_while_and_for_good(
    finished: Sweep, whole: Callable[..., None], tmp_path: Path
) -> None:
    port = free_port()
    variables = {"MLFLOW_TRACKING_URI": f"http://127.0.0.1:{port}"}
    with mlflow_server(tmp_path, port) as server:
        process = finished.start("measure", code=LOGGED_ONE, **variables)
        finished.sees((finished.folder / "logged").exists, process)
        os.killpg(server.pid, signal.SIGKILL)
    with mlflow_server(tmp_path, port) as server:
        said, _ = process.communicate(timeout=300)
        assert process.returncode == 0, said  # the client asked again until it was back
        finished.succeeds("collect", **variables)
        assert logged_once(tmp_path / "server.db", 6)
        (finished.folder / "logged").unlink()
        planned = finished.folder / "plan/study.json"
        planned.write_text(planned.read_text().replace('"tiny"', '"again"'))
        process = finished.start("measure", code=LOGGED_ONE, MLFLOW_HTTP_REQUEST_MAX_RETRIES="1", **variables)
        finished.sees((finished.folder / "logged").exists, process)
        os.killpg(server.pid, signal.SIGKILL)
    said, _ = process.communicate(timeout=300)
    assert process.returncode == 2, said
    assert said.splitlines()[-1].startswith(f"MLflow at http://127.0.0.1:{port}: ")
    with mlflow_server(tmp_path, port):
        whole(finished, **variables)
        assert logged_once(tmp_path / "server.db", 12)  # of both studies
