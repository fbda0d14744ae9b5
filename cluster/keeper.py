"""The process that keeps a Ray session for the stages of one `dvc repro`: `python -m cluster.keeper RUNNER CODE`.

It prints where it listens, or what is wrong, then starts Ray and serves one stage after another. It ends when the
runner has gone, and when no stage has come for a while.
"""

import json
import os
import select
import shutil
import socket
import sys
import time
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np

from cluster import process
from cluster.connection import ClusterError, connected, first_line
from cluster.session import ABOUT, CODE, READY, SOCKET, about_session
from cluster.temporary import place, place_of_code, temporary
from cluster.work import Work

FIRST_SECONDS = 300.0  # that a session which was begun early waits for its first stage
IDLE_SECONDS = 60.0  # after which the memory of its workers is worth more than their imports
LOOK_SECONDS = 0.5  # between two looks whether the runner is there


def main(runner: int, code: Path) -> None:
    """Keep the session."""
    about = about_session(runner, code)
    with (
        temporary(place()[0]) as folder,
        temporary(place_of_code()) as copied,
        socket.socket(socket.AF_UNIX) as listening,
    ):
        shutil.copytree(code, copied / CODE)
        listening.bind(str(folder / SOCKET))
        listening.listen(1)
        (folder / ABOUT).write_text(json.dumps(about))
        _say_last(f"{READY}{folder}")
        serve(listening, started_on(copied / CODE), about)


def started_on(code: Path) -> Any:
    """The module ray, connected to workers that import this code, as Ray has them look in its driver's folder first;
    they start with Ray, where those that Ray gives a copy of code start with the first item. Or why it did not start.
    """
    os.chdir(code)
    try:
        return connected(None)
    except ClusterError as error:
        return error


def serve(listening: socket.socket, ray: Any, about: dict[str, Any]) -> None:
    """Serve stages until the runner has gone, or none comes."""
    until = time.monotonic() + FIRST_SECONDS
    while time.monotonic() < until and process.born(about["runner"]) == about["born"]:
        if select.select([listening], [], [], LOOK_SECONDS)[0]:
            with Connection(listening.accept()[0].detach()) as stage:
                serve_one(stage, ray)
            until = time.monotonic() + IDLE_SECONDS


def serve_one(stage: Connection, ray: Any) -> None:
    """One stage's fan-out, until it hangs up. Its tasks are ended then, those of a stage that was killed, too."""
    work = None
    try:
        function, content, buffers, workers = stage.recv()
        beside = [np.frombuffer(stage.recv_bytes(), np.uint8) for _ in range(buffers)]
        if isinstance(ray, ClusterError):
            raise ray
        work = Work(ray, function, (content, beside), workers)
        del beside
        stage.send((True, None))
        while True:
            method, arguments = stage.recv()
            stage.send((True, getattr(work, method)(*arguments)))
    except (EOFError, OSError):
        pass
    except Exception as error:  # of Ray's: the session is no longer whole
        said = first_line(error)
        stage.send((False, said if isinstance(error, ClusterError) else f"Ray at this machine: {said}"))
        raise
    finally:
        if work:
            work.close()


def _say_last(line: str) -> None:
    """Print a line and close standard output: who reads it waits for its end."""
    print(line, flush=True)
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":
    try:
        main(int(sys.argv[1]), Path(sys.argv[2]))
    except (ClusterError, OSError) as error:
        _say_last(first_line(error))
        sys.exit(1)
