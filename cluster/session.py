"""A Ray session that the stages of one `dvc repro` share: a process of its own keeps it, and ends it with DVC.

Ray starts once, and its workers keep what they have imported from stage to stage, as long as the code is the same. The
keeper is Ray's driver. A stage sends it items as bytes over a socket in a folder that is this user's alone, and imports
no Ray itself.
"""

import json
import os
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from cluster import process
from cluster.connection import ClusterError, shared_address
from cluster.packing import Packed
from cluster.resources import Resources
from cluster.sources import sources_digest
from cluster.temporary import PREFIX, place
from cluster.work import Ended

ABOUT, SOCKET, CODE = "session.json", "socket", "code"  # in the keeper's folders
PRIVATE = 0o700  # mode of a folder that is its owner's alone
READY = "ready "  # what the keeper prints before the path of its folder


class Gone(ClusterError):
    """A keeper that ended meanwhile."""


class Remote:
    """`Work` that a keeper holds. Every method raises Gone where the keeper has gone."""

    def __init__(self, keeper: Connection, function: bytes, shared: Packed, workers: int | None):
        self.keeper = keeper
        content, beside = shared
        with _speaking():
            keeper.send((function, content, len(beside), workers))
            for buffer in beside:
                keeper.send_bytes(buffer.data)
        self._answer()

    def takes(self, resources: Resources) -> bool:
        """As Work.takes."""
        return bool(self._asked("takes", resources))

    def unfit(self, resources: Resources) -> str | None:
        """As Work.unfit."""
        found: str | None = self._asked("unfit", resources)
        return found

    def start(self, number: int, content: bytes, resources: Resources) -> None:
        """As Work.start."""
        self._asked("start", number, content, resources)

    def results(self) -> list[Ended]:
        """As Work.results."""
        found: list[Ended] = self._asked("results")
        return found

    def close(self) -> None:
        """As Work.close: the keeper ends what runs once it hears no more."""
        self.keeper.close()

    def _asked(self, method: str, *arguments: Any) -> Any:
        with _speaking():
            self.keeper.send((method, arguments))
        return self._answer()

    def _answer(self) -> Any:
        with _speaking():
            succeeded, answer = self.keeper.recv()
        if not succeeded:
            raise ClusterError(answer)
        return answer


def joined(code: Path | None, function: bytes, shared: Packed, workers: int | None) -> Remote | None:
    """Work in the session of whatever runs this stage among others, which is started where there is none yet. None for
    a stage that is run on its own, and where RAY_ADDRESS names a cluster. Raises ClusterError.
    """
    runner = process.runner()
    if code is None or runner is None or shared_address():
        return None
    for folder in _kept(runner, code):
        with suppress(OSError, Gone):
            return Remote(_connection(folder), function, shared, workers)
    return Remote(_connection(_started(runner, code)), function, shared, workers)


def begin(code: Path) -> None:
    """Have Ray start meanwhile for a stage that comes next and runs on this code. Raises ClusterError."""
    runner = process.runner()
    if runner is not None and not shared_address() and not list(_kept(runner, code)):
        _started(runner, code)


def about_session(runner: int, code: Path) -> dict[str, Any]:
    """What stages must have in common to share a session."""
    return {"runner": runner, "born": process.born(runner), "code": sources_digest(code)}


def _kept(runner: int, code: Path) -> Iterator[Path]:
    """The folders of the keepers of that session."""
    about = about_session(runner, code)
    for folder in place()[0].glob(f"{PREFIX}*"):
        with suppress(OSError, ValueError):
            held = folder.lstat()
            if held.st_uid != os.getuid() or stat.S_IMODE(held.st_mode) != PRIVATE:  # what a keeper sends is unpickled
                continue
            if json.loads((folder / ABOUT).read_text()) == about:
                yield folder


def _started(runner: int, code: Path) -> Path:
    """The folder of a new keeper, whose Ray is still to start; in a session of the terminal's own: Ctrl-C is for the
    stage.
    """
    command = [sys.executable, "-m", "cluster.keeper", str(runner), str(code)]
    nothing = subprocess.DEVNULL
    keeper = subprocess.Popen(
        command, stdin=nothing, stdout=subprocess.PIPE, stderr=nothing, text=True, start_new_session=True
    )
    assert keeper.stdout is not None
    with keeper.stdout as said:
        lines = [line.strip() for line in iter(said.readline, "") if line.strip()]
    if lines and lines[-1].startswith(READY):
        return Path(lines[-1].removeprefix(READY))
    raise ClusterError(lines[-1] if lines else "the process that keeps Ray's session ended as it started")


def _connection(folder: Path) -> Connection:
    joining = socket.socket(socket.AF_UNIX)
    try:
        joining.connect(str(folder / SOCKET))
    except OSError:
        joining.close()
        raise
    return Connection(joining.detach())


@contextmanager
def _speaking() -> Iterator[None]:
    try:
        yield
    except (OSError, EOFError) as error:
        raise Gone("the process that kept Ray's session has gone; `dvc repro` starts another") from error
