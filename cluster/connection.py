"""The connection to a Ray cluster: the one that RAY_ADDRESS names, or a local one that is started for this process."""

import atexit
import os
import secrets
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from cluster.reach import fault
from cluster.temporary import place, temporary

CODE_MIB = 100  # what Ray's dashboard takes of a job's code; the head keeps it in its memory
OUT_OF_MEMORY_RETRIES = 2  # Ray's default is for ever


class ClusterError(RuntimeError):
    """No work can be sent to the cluster; the message says why and where, in one line."""


def shared_address() -> str | None:
    """The address of the cluster that was given, if one was."""
    return os.environ.get("RAY_ADDRESS") or None


def connected(code: Path | None) -> Any:
    """The module ray, connected. Raises ClusterError."""
    address = shared_address()
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_task_oom_retries", str(OUT_OF_MEMORY_RETRIES))
    if not address:
        os.environ.setdefault("RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER", "0")  # else raylets listen outside loopback
        if "RAY_AUTH_TOKEN_PATH" not in os.environ:  # else Ray keeps a token in the home folder, which may be read-only
            os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(32))
    import ray

    if ray.is_initialized():
        return ray
    if code:
        check_size(code)
    if address and (said := fault(address)):
        raise ClusterError(f"{said}; start the cluster (docs/cluster.md), or unset RAY_ADDRESS")
    _start(ray, code, address)
    return ray


def _start(ray: Any, code: Path | None, address: str | None) -> None:
    import logging

    options: dict[str, Any] = {"logging_level": logging.ERROR, "log_to_driver": False}
    if code:
        options["runtime_env"] = {"working_dir": str(code)}
    try:
        if address:
            ray.init(address, **options)
            return
        ending = ExitStack()
        folder, why = place()
        if why:
            print(f"Ray's files go to {folder}: {why}", flush=True)
        session = ending.enter_context(temporary(folder))
        ending.callback(ray.shutdown)
        atexit.register(ending.close)
        # "local": not the cluster that a `ray start` on this machine has left, dead or alive
        ray.init("local", include_dashboard=False, _temp_dir=str(session), **options)
    except Exception as error:  # of no class of its own where a node does not start in time
        raise ClusterError(f"Ray at {address or 'this machine'}: {first_line(error)}") from error


def first_line(error: Exception) -> str:
    """An error's first line that is not empty, or its class."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0] if lines else type(error).__name__


def check_size(code: Path, limit: int = CODE_MIB * 2**20) -> int:
    """The bytes of a folder that is to be sent to the workers. Raises ClusterError where they are too many."""
    sizes = {path: path.stat().st_size for path in code.rglob("*") if path.is_file()}
    if sum(sizes.values()) > limit:
        largest = max(sizes, key=lambda path: sizes[path])
        raise ClusterError(
            f"the code for the workers is {sum(sizes.values()) / 2**20:.1f} MiB, more than the {limit / 2**20:g} MiB "
            f"that a cluster takes; the largest file is {largest.relative_to(code)}: keep data outside the packages"
        )
    return sum(sizes.values())
