"""Faults in mid-sweep: after each, running again gives the bytes of the undisturbed sweep, and MLflow each run once."""

import json
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest
import yaml

from stages.lock import locked
from stages.store import Store
from tests.stages.conftest import ROOT, STAGES, TINY

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(900)]

TRAP = '''"""Standard training that falls into the trap that is set for it, once."""

import os
import signal
import time
from pathlib import Path

from pipelines.vision.method import Method, Step, plain_loss


def method() -> Method:
    """No options: what is set is named by the environment, so that it is in no key."""

    def loss(step: Step):
        time.sleep(float(os.environ.get("TRAP_SLOW", 0)))
        trap = Path(os.environ.get("TRAP", "/nowhere"))
        if trap.exists():
            kind = trap.read_text()
            trap.unlink(missing_ok=True)
            if kind == "kill":
                os.kill(os.getpid(), signal.SIGKILL)
            if kind == "hang":
                time.sleep(3600)
            if kind == "memory":
                held = [b"x" * 2**28 for _ in range(16)]
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
KILLED = """
import os, signal, sys
from stages import collect, predict, store, tables, tracking, train
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


@dataclass(frozen=True)
class Sweep:
    """A folder with the study, beside a copy of the code that has the trap."""

    folder: Path
    project: Path

    def start(self, *arguments: str, code: str = RUN, **variables: str) -> subprocess.Popen[str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("RAY_", "MLFLOW_"))}
        environment = {**kept, "PYTHONPATH": str(self.project), "TRAP": str(self.folder / "trap"), **variables}
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
    study = yaml.safe_load(yaml.safe_dump(TINY))
    vision = study["vision"]
    vision["models"] = {"resnet": {"widths": [4]}}
    vision["methods"] = {"standard": None, "trap": None}
    vision["seeds"] = [0, 1, 2]
    vision["conditions"] = {"clean": None, "near": {"use": "outliers", "kind": "near"}}
    vision["measurements"] = {name: TINY["vision"]["measurements"][name] for name in ("clean", "near")}
    prepared, finished = Sweep(base / "prepared", project), Sweep(base / "finished", project)
    prepared.folder.mkdir()
    (prepared.folder / "params.yaml").write_text(yaml.safe_dump(study, sort_keys=False))
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


def test_a_worker_killed_in_mid_training(prepared: Sweep, whole: Callable[..., None]) -> None:
    (prepared.folder / "trap").write_text("kill")
    prepared.succeeds("train")
    assert not (prepared.folder / "trap").exists()
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
    variables = {**variables, "RAY_memory_usage_threshold": f"{1 - (memory.available - 2**31) / memory.total:.4f}"}
    params = prepared.folder / "params.yaml"
    params.write_text(params.read_text() + yaml.safe_dump({"compute": compute}))
    (prepared.folder / "trap").write_text(kind)
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


def test_a_second_driver_on_the_store_is_refused(prepared: Sweep, whole: Callable[..., None]) -> None:
    with locked(Store(str(prepared.folder / "store")), "train"):
        status, said = prepared.run("train")
    assert status == 2
    line = said.splitlines()[-1]
    assert line.startswith("store: another driver is at work on this store: train on ")
    assert f"process {os.getpid()}, since " in line
    assert prepared.runs_in_store() == 0
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


def free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return int(listening.getsockname()[1])


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
def slowly(self, *rest):
    import pathlib, time
    found = real(self, *rest)
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
        params = finished.folder / "params.yaml"
        params.write_text(params.read_text().replace("study: tiny", "study: again"))
        process = finished.start("measure", code=LOGGED_ONE, MLFLOW_HTTP_REQUEST_MAX_RETRIES="1", **variables)
        finished.sees((finished.folder / "logged").exists, process)
        os.killpg(server.pid, signal.SIGKILL)
    said, _ = process.communicate(timeout=300)
    assert process.returncode == 2, said
    assert said.splitlines()[-1].startswith(f"MLflow at http://127.0.0.1:{port}: ")
    with mlflow_server(tmp_path, port):
        whole(finished, **variables)
        assert logged_once(tmp_path / "server.db", 12)  # of both studies


HEAD, WORKER, NETWORK_NAME = "10.213.0.1", "10.213.0.2", "diffprog"


def ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True)


@contextmanager
def second_host() -> Iterator[str]:
    """A network namespace that is joined to this host by one cable, the link of its own name."""
    ip("netns", "add", NETWORK_NAME)
    try:
        ip("link", "add", NETWORK_NAME, "type", "veth", "peer", "name", "eth0", "netns", NETWORK_NAME)
        ip("address", "add", f"{HEAD}/24", "dev", NETWORK_NAME)
        ip("link", "set", NETWORK_NAME, "up")
        ip("-n", NETWORK_NAME, "address", "add", f"{WORKER}/24", "dev", "eth0")
        for link in ("lo", "eth0"):
            ip("-n", NETWORK_NAME, "link", "set", link, "up")
        yield NETWORK_NAME
    finally:
        left = subprocess.run(["ip", "netns", "pids", NETWORK_NAME], capture_output=True, text=True, check=True)
        for pid in left.stdout.split():
            os.kill(int(pid), signal.SIGKILL)
        ip("link", "delete", NETWORK_NAME)
        ip("netns", "delete", NETWORK_NAME)


@contextmanager
def two_nodes(folder: Path) -> Iterator[tuple[str, list[psutil.Process]]]:
    """A head here and a worker node on a second host; the address, each node's raylet, and the head's GCS server."""
    if os.geteuid() != 0:
        pytest.skip("needs the right to mount and to make network namespaces")
    port = free_port()
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("RAY_")},
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN": "a" * 64,
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_worker_niceness": "0",
        "RAY_gcs_rpc_server_reconnect_timeout_s": "5",
        "RAY_health_check_period_ms": "500",
        "RAY_health_check_failure_threshold": "3",
        "RAY_health_check_initial_delay_ms": "1000",
        "TRAP": "/nowhere",
        "TRAP_SLOW": "0.5",
    }
    ray = str(Path(sys.executable).parent / "ray")
    temporary = Path(f"/tmp/ray-{port}")  # of the worker node, a file system of its own: as on another machine
    temporary.mkdir()
    apart = ["unshare", "--mount", "bash", "-c", f'mount -t tmpfs tmpfs {temporary} && exec "$@"', "bash"]
    head = [ray, "start", "--head", f"--port={port}", "--include-dashboard=false", f"--node-ip-address={HEAD}"]
    other = [*apart, ray, "start", f"--address={HEAD}:{port}", f"--node-ip-address={WORKER}"]
    nodes = []
    with (folder / "nodes.log").open("a") as log, second_host() as host:
        other = ["ip", "netns", "exec", host, *other]
        for command in ([*head, f"--temp-dir={temporary}"], other):
            command += ["--block", "--num-cpus=1"]
            nodes.append(subprocess.Popen(command, env=environment, stdout=log, stderr=log, cwd=folder))
            deadline = time.monotonic() + 120
            while not raylets(nodes[-1].pid):
                assert time.monotonic() < deadline, (folder / "nodes.log").read_text()
                time.sleep(0.5)
            time.sleep(5)
        try:
            found = [raylets(node.pid)[0] for node in nodes]
            found += [child for child in psutil.Process(nodes[0].pid).children() if "gcs_server" in child.name()]
            yield f"{HEAD}:{port}", found
        finally:
            everything = [child for node in nodes if psutil.pid_exists(node.pid) for child in offspring(node.pid)]
            for node in nodes:
                node.kill()
                node.wait()
            for child in everything:
                if child.is_running():
                    child.kill()
            shutil.rmtree(temporary, ignore_errors=True)


def offspring(pid: int) -> list[psutil.Process]:
    return psutil.Process(pid).children(recursive=True)


def raylets(pid: int) -> list[psutil.Process]:
    return [child for child in psutil.Process(pid).children() if child.name() == "raylet"]


@pytest.mark.parametrize("lost", ["the worker node", "the cable", "the head"])
def test_a_node_lost_in_mid_training(prepared: Sweep, whole: Callable[..., None], lost: str, tmp_path: Path) -> None:
    """Without a worker node the sweep goes on; without its head the driver ends, and a new one goes on from there."""
    with two_nodes(tmp_path) as (address, (_, worker, gcs)):
        variables = {"RAY_ADDRESS": address, "RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": "a" * 64}
        variables["RAY_gcs_rpc_server_reconnect_timeout_s"] = "5"
        process = prepared.start("train", **variables)
        output: list[str] = []
        reader = threading.Thread(target=lambda: output.extend(process.stdout or ()))
        reader.start()
        prepared.sees(lambda: prepared.runs_in_store() >= 1 or process.poll() is not None)
        assert process.poll() is None, "".join(output)
        if lost == "the cable":
            ip("link", "set", NETWORK_NAME, "down")
        else:
            (worker if lost == "the worker node" else gcs).kill()
        status = process.wait(timeout=600)  # a cut connection is given up after gRPC's keep-alive, up to 7 minutes
        reader.join()
        if lost != "the head":
            assert status == 0, "".join(output)
            assert prepared.failed() == {}
            assert prepared.runs_in_store() == 6
        else:
            assert status != 0
            assert prepared.runs_in_store() < 6
    whole(prepared)


def test_a_driver_without_the_token_is_refused_in_one_line(prepared: Sweep, tmp_path: Path) -> None:
    with two_nodes(tmp_path) as (address, _):
        status, said = prepared.run("train", RAY_ADDRESS=address, RAY_AUTH_MODE="token", RAY_AUTH_TOKEN="b" * 64)
        assert status == 2, said
        assert said.splitlines()[-1].startswith(f"Ray at {address}: ")
        assert prepared.runs_in_store() == 0
