"""MLflow as teams run it: a server on PostgreSQL behind a password. Needs root, Debian's postgresql and `.[server]`."""

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from stages.errors import TrackingError
from stages.tracking import Tracking
from stages.tracking_values import Values
from tests.cluster.conftest import free_port
from tests.stages._tracked import log
from tests.stages.conftest import ROOT, stage
from tests.stages.test_auditing import write_measured

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(900)]

USER, PASSWORD = "admin", "correct-horse-battery"
DATABASE_PASSWORD = "staple-of-the-database"
RUNS = 300


def binaries() -> Path | None:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/pg_ctl"))
    return found[-1].parent if found else None


@pytest.fixture(scope="module")
def database() -> Iterator[str]:
    """The address of a fresh PostgreSQL on loopback, password included."""
    found = binaries()
    if found is None or os.geteuid() != 0:
        pytest.skip("needs root and Debian's postgresql")
    pytest.importorskip("psycopg2")
    folder = Path("/tmp") / f"diffprog-postgres-{os.getpid()}"
    folder.mkdir()
    (folder / "password").write_text(DATABASE_PASSWORD)
    shutil.chown(folder, "postgres")
    shutil.chown(folder / "password", "postgres")
    port = free_port()

    def as_postgres(*command: str) -> None:
        subprocess.run(["runuser", "-u", "postgres", "--", *command], cwd=folder, check=True, capture_output=True)

    initdb = ["-D", f"{folder}/data", "-A", "scram-sha-256", f"--pwfile={folder}/password", "-U", "diffprog", "-N"]
    as_postgres(f"{found}/initdb", *initdb)
    server = f"-h 127.0.0.1 -p {port} -k {folder} -c fsync=off"
    as_postgres(f"{found}/pg_ctl", "-D", f"{folder}/data", "-o", server, "-l", f"{folder}/log", "-w", "start")
    yield f"postgresql+psycopg2://diffprog:{DATABASE_PASSWORD}@127.0.0.1:{port}/postgres"
    as_postgres(f"{found}/pg_ctl", "-D", f"{folder}/data", "-m", "immediate", "stop")
    shutil.rmtree(folder)


@dataclass(frozen=True)
class Server:
    port: int
    log: Path

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@contextmanager
def serving(database: str, folder: Path) -> Iterator[Server]:
    """`mlflow server` with a password for its users, until the block ends."""
    pytest.importorskip("flask_wtf")
    server = Server(free_port(), folder / "server.log")
    users = f"[mlflow]\ndefault_permission = NO_PERMISSIONS\ndatabase_uri = sqlite:///{folder}/users.db\n"
    users += f"admin_username = {USER}\nauthorization_function = mlflow.server.auth:authenticate_request_basic_auth\n"
    (folder / "users.ini").write_text(users + "grant_default_workspace_access = false\nauth_cache_ttl_seconds = 60\n")
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("MLFLOW_")},
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        "MLFLOW_AUTH_CONFIG_PATH": str(folder / "users.ini"),
        "MLFLOW_AUTH_ADMIN_PASSWORD": PASSWORD,
        "MLFLOW_FLASK_SERVER_SECRET_KEY": "of no use elsewhere",
        "MLFLOW_BACKEND_STORE_URI": database,
    }
    command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(server.port)]
    command += ["--workers", "1", "--app-name", "basic-auth", "--default-artifact-root", str(folder / "artifacts")]
    with (
        server.log.open("w") as log,
        subprocess.Popen(
            command, cwd=folder, env=environment, stdout=log, stderr=log, start_new_session=True
        ) as process,
    ):
        try:
            wait_for(server, process)
            yield server
        finally:
            if process.poll() is None:
                os.killpg(process.pid, 15)


def wait_for(server: Server, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 240
    while True:
        try:
            urllib.request.urlopen(f"{server.address}/health", timeout=5)
            return
        except urllib.error.HTTPError:
            return
        except OSError:
            assert process.poll() is None, server.log.read_text()
            assert time.monotonic() < deadline, server.log.read_text()
            time.sleep(0.5)


@pytest.fixture(scope="module")
def server(database: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(database, tmp_path_factory.mktemp("server")) as found:
        yield found


@pytest.fixture
def as_admin(server: Server, monkeypatch: pytest.MonkeyPatch) -> Server:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", server.address)
    monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", USER)
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", PASSWORD)
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
    return server


def values(number: int) -> dict[str, float]:
    return {f"clean/m{metric}": number + metric / 7 for metric in range(30)}


def test_a_sweep_is_logged_read_back_and_counted(as_admin: Server) -> None:
    plan = Tracking("sweep", "p1")
    start = time.perf_counter()
    for number in range(RUNS):
        log(plan, f"k{number}", f"m/{number}", {"method": "m", "seed": number}, values(number), 10)
    print(f"{RUNS} runs of 30 metrics logged in {time.perf_counter() - start:.1f} s")
    held = Tracking("sweep", "p1").read()
    assert {key: run.metrics for (key, _), run in held.items()} == {f"k{n}": values(n) for n in range(RUNS)}
    again = Tracking("sweep", "p1")
    assert log(again, "k7", "m/7", {}, values(7), 10).run_id == held["k7", Values({10: values(7)}).digest].run_id
    assert len(again.read()) == RUNS


def test_a_wrong_password_is_one_line_without_it(as_admin: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = "wrong-and-secret"
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", wrong)
    with pytest.raises(TrackingError) as caught:
        Tracking("sweep", "p1")
    monkeypatch.delenv("MLFLOW_TRACKING_USERNAME")
    monkeypatch.delenv("MLFLOW_TRACKING_PASSWORD")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://{USER}:{wrong}@127.0.0.1:{as_admin.port}")
    with pytest.raises(TrackingError) as in_address:
        Tracking("sweep", "p1")
    for error in (caught.value, in_address.value):
        assert str(error).startswith("MLflow at http://")
        assert "\n" not in str(error)
        assert wrong not in str(error)
        assert "401" in str(error) or "authenticated" in str(error)


def test_passwords_stand_in_no_log_table_or_parameter(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The password in the address: stages log through it, then fail on it, and no byte they wrote or said holds it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DIFFPROG_STORE", raising=False)
    write_measured("secrets")
    address = f"http://{USER}:{PASSWORD}@127.0.0.1:{server.port}"
    said = []
    for name in ("measure", "collect"):
        done = stage(tmp_path, name, MLFLOW_TRACKING_URI=address)
        assert done.returncode == 0, done.stderr
        said += [done.stdout, done.stderr]
    for name in ("measure", "collect"):
        gone = f"http://{USER}:{PASSWORD}@127.0.0.1:{free_port()}"
        done = stage(tmp_path, name, MLFLOW_TRACKING_URI=gone, MLFLOW_HTTP_REQUEST_MAX_RETRIES="0")
        assert done.returncode == 2
        assert done.stderr.splitlines()[-1].startswith("MLflow at http://127.0.0.1:")
        said += [done.stdout, done.stderr]
    doctor = [sys.executable, "-c", "import sys; from stages.cli import main; sys.exit(main(['doctor']))"]
    variables = {**os.environ, "PYTHONPATH": str(ROOT), "MLFLOW_TRACKING_URI": address}
    checked = subprocess.run(doctor, cwd=tmp_path, env=variables, capture_output=True, text=True, check=False)
    assert "ok  mlflow  http://127.0.0.1" in checked.stdout
    written = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
    assert written
    for text in (*said, checked.stdout, checked.stderr):
        assert PASSWORD not in text
    for content in (*written, server.log.read_bytes()):
        assert PASSWORD.encode() not in content
        assert DATABASE_PASSWORD.encode() not in content
    monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
    for run in Tracking("secrets", "").read().values():
        assert PASSWORD not in json.dumps([dict(run.params), dict(run.metrics)])


@pytest.mark.parametrize(("listens", "why"), [(False, "Connection refused"), (True, "timeout expired")])
def test_a_database_that_does_not_answer_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, listens: bool, why: str
) -> None:
    """PostgreSQL that is not there, and one that takes the connection and says nothing."""
    pytest.importorskip("psycopg2")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DIFFPROG_STORE", raising=False)
    write_measured("dead")
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        if listens:
            bound.listen()
        place = f"127.0.0.1:{bound.getsockname()[1]}/postgres"
        address = f"postgresql+psycopg2://diffprog:{DATABASE_PASSWORD}@{place}"
        refused = stage(tmp_path, "measure", MLFLOW_TRACKING_URI=address)
    assert refused.returncode == 2, refused.stderr
    line = refused.stderr.splitlines()[-1]
    assert line.startswith(f"MLflow at postgresql+psycopg2://***@{place}: (psycopg2.OperationalError) ")
    assert why in line
    assert DATABASE_PASSWORD not in refused.stdout + refused.stderr
