"""Temporary folders of a driver: removed at its end, and those that a killed one left by the next.

A living driver holds a file lock in each of its folders, which ends with its process, however that ends.
"""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

PREFIX, HELD = "diffprog-", "held"
SOCKET_PATH = 107  # bytes that the path of a socket may have, on Linux
RAYS_PATH = len("/diffprog-12345678/session_2026-01-01_00-00-00_000000_1234567/sockets/plasma_store")
LONGEST = SOCKET_PATH - RAYS_PATH  # folder that Ray's sockets fit below
FREE_MIB = 64  # of the code, and of what Ray writes down
MEMORY = "/dev/shm"
ELSEWHERE = ("/tmp", "/var/tmp", MEMORY)


class NoPlace(OSError):
    """No folder can hold temporary files; the message says which were looked at and what each lacks, in one line."""


def place() -> tuple[Path, str]:
    """The folder for temporary files: RAY_TMPDIR, TMPDIR or /tmp, or, where that does not serve, another, and then why
    it does not, else the empty string. Raises NoPlace.
    """
    asked = os.environ.get("RAY_TMPDIR") or os.environ.get("TMPDIR") or ELSEWHERE[0]
    faults = {}
    for folder in dict.fromkeys((asked, *ELSEWHERE)):
        faults[folder] = _fault(folder)
        if not faults[folder]:
            return Path(folder), faults[asked] and f"{asked} {faults[asked]}"
    said = "; ".join(f"{folder} {fault}" for folder, fault in faults.items())
    raise NoPlace(f"no folder for temporary files: {said}; set TMPDIR to one that has room")


def place_of_code() -> Path:
    """The folder for copies of the code: in memory where there is room, as a disk may take a second for its many small
    files; as `place` where RAY_TMPDIR or TMPDIR says where. Raises NoPlace.
    """
    asked = os.environ.get("RAY_TMPDIR") or os.environ.get("TMPDIR")
    return place()[0] if asked or _fault(MEMORY) else Path(MEMORY)


def _fault(folder: str) -> str:
    if len(os.fsencode(os.path.abspath(folder))) > LONGEST:
        return f"has more than the {LONGEST} characters that Ray's sockets leave"
    if not os.access(folder, os.W_OK | os.X_OK):
        return "is not there" if not os.path.exists(folder) else "can't be written"
    free = shutil.disk_usage(folder).free / 2**20
    return f"has {free:.0f} MiB free of the {FREE_MIB} that are needed" if free < FREE_MIB else ""


@contextmanager
def temporary(within: Path) -> Iterator[Path]:
    """A new folder, and its removal; before, that of folders whose driver is gone."""
    for left in within.glob(f"{PREFIX}*"):
        _remove_if_left(left)
    made = Path(tempfile.mkdtemp(prefix=f"new-{PREFIX}", dir=within))
    with open(made / HELD, "wb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        folder = made.rename(within / made.name.removeprefix("new-"))  # held before anyone looks at it
        try:
            yield folder
        finally:
            _remove(folder)


def _remove_if_left(folder: Path) -> None:
    with suppress(OSError), open(folder / HELD, "r+b") as held:  # else another user's, or of a driver that is alive
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        _remove(folder)


def _remove(folder: Path) -> None:
    """Remove a folder, the file lock last: what is still written to meanwhile is left to the next driver."""
    for path in folder.iterdir():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        elif path.name != HELD:
            path.unlink(missing_ok=True)
    if [path.name for path in folder.iterdir()] == [HELD]:
        shutil.rmtree(folder, ignore_errors=True)
