"""The Ray session that the stages of one `dvc repro` share, with real processes."""

import importlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cluster import session
from cluster.process import born, runner
from cluster.temporary import PREFIX

ROOT = Path(__file__).parents[2]
STAGE = """
import os, sys, time
from pathlib import Path
from cluster.fanout import Failed, fanout
from cluster.connection import ClusterError
from tests.cluster.test_session import asked
try:
    for result in fanout(asked, sys.argv[2:], total=len(sys.argv) - 2, code=Path(sys.argv[1]), workers=1):
        print("failed" if isinstance(result, Failed) else result.value, flush=True)
    print("imported" if "ray" in sys.modules else "no ray here")
except ClusterError as error:
    print(error)
"""
BEGIN = "import sys; from pathlib import Path; from cluster.session import begin; begin(Path(sys.argv[1]))"


def asked(item: str, shared: None) -> int | str:
    """The worker's process; whose code it has; or its sleep, and then a file."""
    if item == "whose":
        return str(getattr(importlib.import_module("analysis"), "WHOSE", "the checkout's"))
    if item != "pid":
        Path(f"{item}.began").touch()
        time.sleep(8)
        Path(item).touch()
    return os.getpid()


@pytest.fixture
def above() -> Iterator[subprocess.Popen[bytes]]:
    """A process that stages are run by."""
    process = subprocess.Popen(["sleep", "600"])
    yield process
    process.kill()
    process.wait()


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Where temporary files go; sockets take no long paths."""
    return Path(f"/tmp/{tmp_path.parent.name[-12:]}-{os.getpid()}")


Stage = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def stage(above: subprocess.Popen[bytes], place: Path) -> Iterator[Stage]:
    """A stage of that process, as a process of its own."""
    place.mkdir(exist_ok=True)

    def started(code: Path, *items: object, script: str = STAGE, **variables: str) -> "subprocess.Popen[str]":
        environment = {name: value for name, value in os.environ.items() if not name.startswith("RAY_")}
        environment |= {"PYTHONPATH": str(ROOT), "DIFFPROG_SESSION_OF": str(above.pid), "TMPDIR": str(place)}
        environment |= variables
        command = [sys.executable, "-c", script, str(code), *map(str, items)]
        return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)

    yield started
    above.kill()
    above.wait()
    ended(place)
    place.rmdir()


@pytest.fixture
def code(tmp_path: Path) -> Path:
    """A folder of code."""
    (tmp_path / "code").mkdir()
    (tmp_path / "code/said.py").write_text("WORD = 'one'\n")
    (tmp_path / "code/analysis").mkdir()
    (tmp_path / "code/analysis/__init__.py").write_text("WHOSE = 'its own'\n")  # in the checkout there is one, too
    return tmp_path / "code"


def lines(process: "subprocess.Popen[str]") -> list[str]:
    return process.communicate(timeout=120)[0].splitlines()


def ended(place: Path) -> None:
    """Wait until the keepers have removed their folders, as the last thing that they do."""
    deadline = time.monotonic() + 30
    while list(place.iterdir()) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert list(place.iterdir()) == []


def appears(path: Path) -> None:
    deadline = time.monotonic() + 60
    while not path.exists():
        assert time.monotonic() < deadline, f"{path} is not there"
        time.sleep(0.05)


def keepers(above: subprocess.Popen[bytes]) -> list[int]:
    found = subprocess.run(["pgrep", "-f", f"cluster.keeper {above.pid} "], capture_output=True, text=True, check=False)
    return [int(pid) for pid in found.stdout.split()]


def test_only_a_folder_that_is_this_users_alone_is_joined(
    tmp_path: Path, code: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What comes from its socket is unpickled."""
    monkeypatch.setattr(session, "place", lambda: (tmp_path, ""))
    folder = tmp_path / f"{PREFIX}other"
    folder.mkdir(mode=0o700)
    (folder / session.ABOUT).write_text(json.dumps(session.about_session(os.getpid(), code)))
    assert list(session._kept(os.getpid(), code)) == [folder]
    folder.chmod(0o755)
    assert list(session._kept(os.getpid(), code)) == []
    folder.chmod(0o700)
    monkeypatch.setattr(os, "getuid", lambda: folder.stat().st_uid + 1)
    assert list(session._kept(os.getpid(), code)) == []


@pytest.mark.slow
def test_stages_share_workers_while_the_code_is_the_same(
    stage: Stage, above: subprocess.Popen[bytes], code: Path
) -> None:
    first, second = lines(stage(code, "pid")), lines(stage(code, "pid"))
    assert first == second
    assert first[1] == "no ray here"
    (keeper,) = keepers(above)
    (code / "said.py").write_text("WORD = 'two'\n")
    edited = lines(stage(code, "pid"))
    assert edited[0] != first[0]
    assert keeper in keepers(above)
    above.kill()
    above.wait()
    deadline = time.monotonic() + 30
    while keepers(above) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert keepers(above) == []
    assert born(int(first[0])) is born(int(edited[0])) is None


@pytest.mark.slow
def test_what_a_killed_stage_had_running_is_ended_and_the_next_is_served(
    stage: Stage, code: Path, tmp_path: Path
) -> None:
    killed = stage(code, tmp_path / "made")
    appears(tmp_path / "made.began")
    killed.kill()
    assert lines(killed) == []
    began = time.monotonic()
    assert lines(stage(code, "pid"))[1] == "no ray here"
    time.sleep(max(0.0, began + 10 - time.monotonic()))
    assert not (tmp_path / "made").exists()


@pytest.mark.slow
def test_a_keeper_that_is_killed_is_one_line_and_the_next_stage_has_another(
    stage: Stage, above: subprocess.Popen[bytes], code: Path, tmp_path: Path
) -> None:
    waiting = stage(code, tmp_path / "made")
    appears(tmp_path / "made.began")
    (keeper,) = keepers(above)
    os.kill(keeper, signal.SIGKILL)
    assert lines(waiting) == ["the process that kept Ray's session has gone; `dvc repro` starts another"]
    assert lines(stage(code, "pid"))[1] == "no ray here"


@pytest.mark.slow
def test_a_session_that_is_begun_early_is_the_one_that_is_joined(
    stage: Stage, above: subprocess.Popen[bytes], code: Path
) -> None:
    for _ in range(2):
        began = time.monotonic()
        assert lines(stage(code, script=BEGIN)) == []
        assert time.monotonic() - began < 5  # Ray has not started yet
    (keeper,) = keepers(above)
    code.rename(code.parent / "moved")  # the stage that began it has removed its copy
    shutil.copytree(code.parent / "moved", code)
    assert lines(stage(code, "whose", "pid"))[0] == "its own"
    assert keepers(above) == [keeper]


@pytest.mark.slow
def test_why_ray_does_not_start_is_said_by_the_stage_and_the_next_one_tries_again(stage: Stage, code: Path) -> None:
    (said,) = lines(stage(code, "pid", RAY_OVERRIDE_RESOURCES="no JSON"))
    assert said.startswith("Ray at this machine: Expecting value")
    assert lines(stage(code, "pid"))[1] == "no ray here"


def test_the_runner_is_the_dvc_above(tmp_path: Path) -> None:
    (tmp_path / "dvc").write_text("echo $$; sh -c \"$1 -c 'from cluster.process import runner; print(runner())'\"; :\n")
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "DVC_STAGE": "train"}
    command = ["sh", str(tmp_path / "dvc"), sys.executable]
    found = subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout.split()
    assert found[0] == found[1]
    assert runner() is None
