"""MLflow's SQLite file under kills, several processes at once, lost and changed rows, and what is no database."""

import importlib.util
import os
import random
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

from stages.cli import main, run_stage
from stages.tracking import Tracking
from stages.tracking_values import Values
from tests.slow import fast_are
from tests.stages._tracked import log
from tests.stages.conftest import ROOT
from tests.stages.test_auditing import RUN_KEY, write_measured

pytestmark = pytest.mark.timeout(900)

COMMAND = "import sys; from stages.cli import main; sys.exit(main(sys.argv[1:]))"
LOG = """
from stages.tracking import Tracking
from stages.tracking_run import Described
from stages.tracking_values import Values
Tracking('s', 'p').log(Described('k', 'a'), Values({1: {'clean/accuracy': 0.5}}))
"""
ROUNDS = 4


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project's folder that is the current one, with a folder for temporary files beside it."""
    for name in ("DIFFPROG_STORE", "MLFLOW_TRACKING_URI", "RAY_TMPDIR"):
        monkeypatch.delenv(name, raising=False)
    for name in ("project", "temporary"):
        (tmp_path / name).mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "temporary"))
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.chdir(tmp_path / "project")
    return tmp_path / "project"


def begun(code: str, *arguments: str, **variables: str) -> subprocess.Popen[str]:
    """A process of its own."""
    command = [sys.executable, "-c", code, *arguments]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, env={**os.environ, **variables}, stdout=pipe, stderr=pipe, text=True)


def ended(process: subprocess.Popen[str], seconds: float = 120) -> tuple[int, str]:
    """Its exit status and what it said."""
    try:
        out, err = process.communicate(timeout=seconds)
    finally:
        process.kill()
    return process.returncode, out + err


@pytest.mark.slow
def test_a_kill_while_the_database_is_made_leaves_nothing_that_hinders(folder: Path) -> None:
    began = time.monotonic()
    assert ended(begun(LOG)) == (0, "")
    whole = time.monotonic() - began
    rng = random.Random(1)
    for _ in range(ROUNDS):
        (folder / "mlflow.db").unlink()
        for _ in range(2):
            process = begun(LOG)
            time.sleep(rng.uniform(0.3, 1) * whole)
            process.send_signal(signal.SIGKILL)
            ended(process)
        assert ended(begun(LOG)) == (0, "")
        assert sorted(path.name for path in folder.iterdir()) == ["mlflow.db", "mlruns"]
        assert not list((folder.parent / "temporary").glob("diffprog-*"))
        assert len(Tracking("s", "p").read()) == 1


@pytest.mark.slow
def test_a_kill_before_the_database_has_its_name_leaves_nothing(folder: Path) -> None:
    stop = "import os, signal\nos.link = lambda *_: os.kill(os.getpid(), signal.SIGKILL)\n"
    assert ended(begun(stop + LOG)) == (-signal.SIGKILL, "")
    (left,) = folder.iterdir()
    assert left.name.endswith(".part")
    (folder / "mlflow.db.mine.part").write_text("a user's own")
    assert ended(begun(LOG)) == (0, "")
    assert sorted(path.name for path in folder.iterdir()) == ["mlflow.db", "mlflow.db.mine.part", "mlruns"]
    assert not list((folder.parent / "temporary").iterdir())


KILLED_IN_A_TRANSACTION = """
import os, signal, sqlite3
database = sqlite3.connect("mlflow.db", isolation_level=None)
database.execute("pragma cache_size = 2")
database.execute("begin")
database.execute("create table more (text)")
for _ in range(2000):
    database.execute("insert into more values (?)", ("x" * 500,))
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.slow
def test_a_transaction_that_was_killed_is_undone(folder: Path) -> None:
    assert ended(begun(LOG)) == (0, "")
    assert ended(begun(KILLED_IN_A_TRANSACTION))[0] == -signal.SIGKILL
    assert (folder / "mlflow.db-journal").exists()
    assert ended(begun(LOG)) == (0, "")
    assert sorted(path.name for path in folder.iterdir()) == ["mlflow.db", "mlruns"]


@pytest.mark.slow
def test_first_imports_of_three_studies_at_once_all_succeed(folder: Path) -> None:
    (folder / "table.csv").write_text("name,type,x,y\n" + "".join(f"m{n},f{n % 3},{n}.5,{n}.25\n" for n in range(6)))
    for _ in range(2):
        (folder / "mlflow.db").unlink(missing_ok=True)
        importing = []
        for number in range(3):
            spec = f"study: s{number}\nkey: [name]\nfamily: type\ncapability: [x]\n"
            (folder / f"{number}.yaml").write_text(spec)
            importing.append(begun(COMMAND, "import", "table.csv", "--spec", f"{number}.yaml"))
        for status, said in [ended(process) for process in importing]:
            assert status == 0, said
        assert [len(Tracking(f"s{number}", "").read()) for number in range(3)] == [6, 6, 6]
        assert not list(folder.glob("*.part"))


@pytest.mark.slow
def test_a_database_with_some_of_its_tables_is_one_line(folder: Path, whole_database: Path) -> None:
    with closing(sqlite3.connect(whole_database)) as source, closing(sqlite3.connect("mlflow.db")) as half:
        for (statement,) in source.execute("select sql from sqlite_master where type = 'table' limit 8").fetchall():
            half.execute(statement)
    status, said = ended(begun(COMMAND, "analyse", "--study", "s", "--out", "out"), 30)
    assert status == 2
    (line,) = said.splitlines()
    begins, ends = f"{folder}/mlflow.db: MLflow's tables are incomplete (", "move the file away and run this again"
    assert line.startswith(begins)
    assert line.endswith(f"), as a kill while they were made leaves them; {ends}")


@pytest.fixture(scope="module")
def whole_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database that MLflow made."""
    path = tmp_path_factory.mktemp("whole") / "mlflow.db"
    assert ended(begun(LOG, MLFLOW_TRACKING_URI=f"sqlite:///{path}", PYTHONPATH=str(ROOT)))[0] == 0
    return path


@pytest.mark.parametrize(
    "damage",
    [
        "delete from latest_metrics where key = 'clean/accuracy'",
        "update latest_metrics set value = 0.125 where key = 'clean/accuracy'",
    ],
)
def test_values_that_were_lost_or_changed_are_logged_again_by_sync(
    folder: Path, whole_database: Path, damage: str, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copy(whole_database, "mlflow.db")
    write_measured("measured")
    assert main(["sync"]) == 0
    assert run_stage("collect") == 0
    results = Path("results.parquet").read_bytes()
    with closing(sqlite3.connect("mlflow.db")) as database:
        query = f"{damage} and run_uuid in (select run_uuid from tags where key = 'run_key' and value = '{RUN_KEY}')"
        assert database.execute(query).rowcount == 1
        database.commit()
    capsys.readouterr()
    assert run_stage("collect") == 2
    assert capsys.readouterr().err.splitlines() == [
        "MLflow has lost or changed 1 of 1 runs, the first vision/standard/cnn-1/0; `dvc repro --force measure` logs "
        "them again from the store"
    ]
    assert main(["sync"]) == 0
    assert capsys.readouterr().out == "MLflow holds 1 runs, from 1 of 1 stored values\n"
    assert run_stage("collect") == 0
    assert Path("results.parquet").read_bytes() == results


def runs_of(database: Path) -> dict[str, tuple[str, dict[str, str], dict[str, float]]]:
    """Every run in the database: its state, tags and metrics."""
    with closing(sqlite3.connect(database)) as opened:
        return {
            run: (
                state,
                dict(opened.execute("select key, value from tags where run_uuid = ?", [run]).fetchall()),
                dict(opened.execute("select key, value from latest_metrics where run_uuid = ?", [run]).fetchall()),
            )
            for run, state in opened.execute("select run_uuid, lifecycle_stage from runs").fetchall()
        }


def test_two_checkouts_with_one_study_name_leave_each_others_runs_alone(folder: Path, whole_database: Path) -> None:
    """Their plans share a run with equal values and one whose values differ; they log in turns, a run at a time."""
    shutil.copy(whole_database, "mlflow.db")
    wanted = {
        "A": {"shared": 0.5, "differs": 0.25, "only A": 0.75},
        "B": {"differs": 0.375, "shared": 0.5, "only B": 0.625},
    }
    for again in range(2):
        checkouts = {name: Tracking("one name", name) for name in wanted}
        begun_with = runs_of(Path("mlflow.db"))
        for number in range(3):
            for name, tracking in checkouts.items():
                before = runs_of(Path("mlflow.db"))
                key, value = list(wanted[name].items())[number]
                log(tracking, key, key, {}, {"clean/accuracy": value}, 1)
                tracking.settle()
                after = runs_of(Path("mlflow.db"))
                assert {run: after[run] for run in before} == before
        assert (after == begun_with) is bool(again)
        assert {state for state, *_ in after.values()} == {"active"}
        held = Tracking("one name", "").read()
        for values in wanted.values():
            for key, value in values.items():
                assert held[key, Values({1: {"clean/accuracy": value}}).digest].metrics == {"clean/accuracy": value}


def refused(*arguments: str, **variables: str) -> str:
    """The one line that a command ends with, within 30 seconds."""
    status, said = ended(begun(COMMAND, *arguments, **variables), 30)
    (line,) = said.splitlines()
    assert status == 2
    return line


@pytest.mark.slow
def test_addresses_that_do_not_serve_are_one_line(folder: Path) -> None:
    asked = ("analyse", "--study", "s", "--out", "out")
    (folder / "mlflow.db").write_bytes(b"garbage" * 1000)
    said = f"{folder}/mlflow.db: not an SQLite database; move it away, or set MLFLOW_TRACKING_URI"
    assert refused(*asked) == said
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))  # bound, but nobody listens
        address = f"http://127.0.0.1:{listening.getsockname()[1]}"
        assert refused(*asked, MLFLOW_TRACKING_URI=address) == f"MLflow at {address}: Connection refused"
    for address, why in (
        ("http://", "no host"),
        ("http://host:many", "Port could not be cast to integer value as 'many'"),
        ("http://[host", "Invalid IPv6 URL"),
    ):
        assert refused(*asked, MLFLOW_TRACKING_URI=address) == f"MLFLOW_TRACKING_URI: {address}: {why}"


@pytest.mark.parametrize("driver", fast_are(["psycopg2"], ["psycopg2", "psycopg"]))
def test_a_driver_that_is_missing_is_one_line(folder: Path, driver: str) -> None:
    if importlib.util.find_spec(driver) is not None:
        pytest.skip("the driver is installed")
    address = "postgresql" + "+psycopg2" * (driver == "psycopg2")  # SQLAlchemy's own choice is psycopg
    found = refused(
        "analyse", "--study", "s", "--out", "out", MLFLOW_TRACKING_URI=f"{address}://me:secret@127.0.0.1:9/x"
    )
    assert found == (
        f"MLflow at {address}://***@127.0.0.1:9/x: the driver {driver!r} is not installed; "
        "`pip install 'diffprog[server]'` has the one of postgresql+psycopg2://"
    )


@pytest.mark.slow
def test_a_deleted_experiment_is_one_line_of_import_and_sync(folder: Path, whole_database: Path) -> None:
    shutil.copy(whole_database, "mlflow.db")
    write_measured("gone")
    (folder / "table.csv").write_text("name,x\na,1.5\nb,2.5\n")
    (folder / "spec.yaml").write_text("study: gone\nkey: [name]\ncapability: [x]\n")
    made = Tracking("gone", "p")
    made.client.delete_experiment(made.experiment)
    for command in (["import", "table.csv", "--spec", "spec.yaml"], ["sync"]):
        assert refused(*command) == (
            f"MLflow at sqlite:///{folder}/mlflow.db: the experiment 'gone' was deleted; restore it with "
            f"`mlflow experiments restore -x {made.experiment}`, remove it for good with `mlflow gc --experiment-ids "
            f"{made.experiment}`, or give the study another name"
        )


@pytest.mark.slow
@pytest.mark.parametrize("name", ["a?b", "a#b", "a%41b", "a b"])
def test_a_project_in_a_folder_with_signs_in_its_name_has_its_file_there(
    name: str, folder: Path, monkeypatch: pytest.MonkeyPatch, whole_database: Path
) -> None:
    (folder / name).mkdir()
    monkeypatch.chdir(folder / name)
    shutil.copy(whole_database, "mlflow.db")
    assert ended(begun(LOG.replace("'k'", "'here'"))) == (0, "")
    assert {key for key, _ in Tracking("s", "p").read()} == {"here", "k"}
    assert ended(begun(LOG.replace("'s'", "'another'"))) == (0, "")
    found = {path.relative_to(folder / name) for path in folder.rglob("*") if path.is_file()}
    assert {(path.parts[0], path.name) for path in found} == {("mlflow.db", "mlflow.db"), ("mlruns", "values.json")}
