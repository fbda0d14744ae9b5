"""Temporary folders: removed with their driver, those of a killed one by the next, never those of a living one."""

import os
import re
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from cluster import temporary as module
from cluster.temporary import FREE_MIB, LONGEST, NoPlace, place, place_of_code, temporary

ROOT = Path(__file__).parents[2]
HOLD = (
    "import sys, time\nfrom pathlib import Path\nfrom cluster.temporary import temporary\n"
    "with temporary(Path(sys.argv[1])) as folder:\n"
    "    (folder / 'code').mkdir()\n    print(folder, flush=True)\n    time.sleep(60)\n"
)


def test_a_killed_drivers_folder_goes_and_a_living_ones_stays(tmp_path: Path) -> None:
    command = [sys.executable, "-c", HOLD, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as driver:
        assert driver.stdout is not None
        left = Path(driver.stdout.readline().strip())
        (tmp_path / "diffprog-foreign").mkdir()
        with temporary(tmp_path) as mine:
            assert {path.name for path in tmp_path.iterdir()} == {left.name, mine.name, "diffprog-foreign"}
        driver.send_signal(signal.SIGKILL)
        driver.wait()
    with temporary(tmp_path) as mine:
        assert {path.name for path in tmp_path.iterdir()} == {mine.name, "diffprog-foreign"}
    assert [path.name for path in tmp_path.iterdir()] == ["diffprog-foreign"]


def test_a_path_too_long_for_sockets_gives_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RAY_TMPDIR", raising=False)
    monkeypatch.setenv("TMPDIR", f"/tmp/{'x' * LONGEST}")
    why = f"/tmp/{'x' * LONGEST} has more than the {LONGEST} characters that Ray's sockets leave"
    assert place() == (Path("/tmp"), why)


@pytest.mark.cluster
@pytest.mark.skipif(os.geteuid() != 0, reason="needs the right to mount")
def test_a_full_folder_gives_way(monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tempfile.mkdtemp(prefix="full", dir="/tmp")  # short enough for Ray's sockets
    monkeypatch.delenv("RAY_TMPDIR", raising=False)
    monkeypatch.setenv("TMPDIR", folder)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", folder], check=True)
    try:
        assert place() == (Path("/tmp"), f"{folder} has 1 MiB free of the {FREE_MIB} that are needed")
    finally:
        subprocess.run(["umount", "-l", folder], check=True)
        Path(folder).rmdir()


def test_copies_of_code_lie_in_memory_where_that_has_room_and_nothing_else_is_asked_for(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("RAY_TMPDIR", "TMPDIR"):
        monkeypatch.delenv(name, raising=False)
    memory = Path("/dev/shm")
    assert place_of_code() == (memory if os.access(memory, os.W_OK) else place()[0])
    monkeypatch.setattr(module, "MEMORY", str(tmp_path / "not there"))
    assert place_of_code() == place()[0]
    monkeypatch.setattr(module, "MEMORY", str(memory))
    monkeypatch.setenv("TMPDIR", "/var/tmp")
    assert place_of_code() == Path("/var/tmp")


def test_no_place_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ELSEWHERE", ())
    monkeypatch.setenv("RAY_TMPDIR", "/nowhere")
    said = "no folder for temporary files: /nowhere is not there; set TMPDIR to one that has room"
    with pytest.raises(NoPlace, match=f"^{re.escape(said)}$"):
        place()
