"""MLflow's SQLite file under kills, several processes at once, lost and changed rows, and what is no database."""

import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from stages.tracking import Tracking
from tests.stages.conftest import ROOT

COMMAND = "import sys; from stages.cli import main; sys.exit(main(sys.argv[1:]))"
LOG = "from stages.tracking import Tracking; Tracking('s', 'p').log('k', 'a', {}, {'clean/accuracy': 0.5}, 1)"
ROUNDS = 4


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
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
    command = [sys.executable, "-W", "ignore", "-c", code, *arguments]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, env={**os.environ, **variables}, stdout=pipe, stderr=pipe, text=True)


def ended(process: subprocess.Popen[str], seconds: float = 120) -> tuple[int, str]:
    """Its exit status and what it said."""
    out, err = process.communicate(timeout=seconds)
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
        assert [path.name for path in folder.iterdir()] == ["mlflow.db"]
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
    assert sorted(path.name for path in folder.iterdir()) == ["mlflow.db", "mlflow.db.mine.part"]
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
    assert [path.name for path in folder.iterdir()] == ["mlflow.db"]


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
