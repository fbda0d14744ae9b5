"""`diffprog doctor`: what a sweep needs of this machine and of what it talks to, one line each, with the fix."""

import argparse
import os
import re
import secrets
import shutil
import sys
from collections.abc import Callable
from importlib import metadata
from pathlib import Path

from cluster.reach import cluster_or_fault
from cluster.temporary import NoPlace, place
from stages.errors import StoreError, TrackingError, masked
from stages.store.store import Store
from stages.terminal import escaped, say

OLDEST_PYTHON = (3, 11)
TORCHVISION_AFTER_TORCH = 15  # torch 2.13 goes with torchvision 0.28
FREE_DISK_GIB, FREE_MEMORY_GIB = 5.0, 2.0
Check = tuple[bool, str, str]  # whether it is well, what was found, what to do where it is not
EXAMPLES = {
    "RAY_ADDRESS=head:6379 diffprog doctor": "whether that cluster can be reached, among the rest",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """None."""
    parser.description = (
        "Check Python, torch and torchvision, disk, memory, the store, MLflow and Ray: one line each, "
        "with the fix. The exit status is 1 where something is wrong."
    )


def run(_: argparse.Namespace) -> int:
    """Print a line for each check; the exit status, 1 where something is wrong."""
    checks: dict[str, Callable[[], Check]] = {
        "python": python,
        "torch": torch,
        "disk": disk,
        "temp": temp,
        "home": home,
        "memory": memory,
        "store": store,
        "mlflow": mlflow,
        "ray": ray,
    }
    well = True
    for name, check in checks.items():
        good, found, fix = check()
        well &= good
        say(escaped(masked(f"{'ok ' if good else 'BAD'} {name:<8}{found}{'' if good else f': {fix}'}")))
        sys.stdout.flush()
    return 0 if well else 1


def python(version: tuple[int, ...] = sys.version_info[:3]) -> Check:
    """Whether Python is new enough."""
    wanted = ".".join(map(str, OLDEST_PYTHON))
    fix = f"install Python {wanted} or newer, remove .venv, and `make .venv PYTHON=python{wanted}`"
    return version >= OLDEST_PYTHON, ".".join(map(str, version)), fix


def torch(version: Callable[[str], str] = metadata.version) -> Check:
    """Whether torch and torchvision were made for each other."""
    try:
        found = {name: version(name) for name in ("torch", "torchvision")}
    except metadata.PackageNotFoundError as error:
        return False, f"{error.name} is not installed", "`make .venv` installs what constraints.txt pins"
    (major, minor), (_, vision) = (_two_numbers(found[name]) for name in ("torch", "torchvision"))
    match = major == 2 and vision == minor + TORCHVISION_AFTER_TORCH
    said = f"torch {found['torch']} with torchvision {found['torchvision']}"
    fix = f"torch {major}.{minor} goes with torchvision 0.{minor + TORCHVISION_AFTER_TORCH}: install both as pinned"
    return match, said, f"{fix} in constraints.txt"


def disk(free: Callable[[Path], int] = lambda path: shutil.disk_usage(path).free) -> Check:
    """Whether there is room where the store is; of an object store, where DVC and Ray write."""
    path = _kept_in().absolute()
    while not path.exists():
        path = path.parent
    gib = free(path) / 2**30
    fix = "`diffprog gc` removes what no plan needs; or set DIFFPROG_STORE to a larger disk"
    return gib >= FREE_DISK_GIB, f"{gib:.1f} GiB free at {path}", fix


def _kept_in() -> Path:
    try:
        kept = Store.from_environment()
    except StoreError:  # the check of the store says it
        return Path()
    return Path(kept.root if kept.local else ".")


def temp() -> Check:
    """Whether there is a folder for temporary files with room, and whose path is short enough for Ray's sockets."""
    try:
        path, why = place()
    except NoPlace as error:
        return False, str(error), "free some"
    return True, f"temporary files go to {path}" + f": {why}" * bool(why), ""


def home() -> Check:
    """Whether the home folder can be written: DVC and matplotlib keep things there, and can do without."""
    path = Path(os.environ.get("HOME") or "~").expanduser()
    said = "can be written" if os.access(path, os.W_OK | os.X_OK) else "can't be written; nothing of a sweep needs it"
    return True, f"{path} {said}", ""


def memory(meminfo: Path = Path("/proc/meminfo")) -> Check:
    """Whether there is memory for a worker on each CPU."""
    try:
        kib = int(re.findall(r"MemAvailable:\s+(\d+) kB", meminfo.read_text())[0])
    except (OSError, IndexError):
        return True, "not known on this system", ""
    gib = kib / 2**20
    fix = "end what takes it, or set compute.workers in params.yaml"
    return gib >= FREE_MEMORY_GIB, f"{gib:.1f} GiB available, {os.cpu_count()} CPUs", fix


def store() -> Check:
    """Whether the store takes a file, gives it back, and lets it go."""
    fix = "set DIFFPROG_STORE to a folder or address that this user can write (S3: pip install 'diffprog[s3]')"
    try:
        kept = Store.from_environment()
        name, content = f"doctor.{secrets.token_hex(4)}.json", b'{"written": true}'
        kept.create_file(name, content)  # with or without hard links
        held = kept.json_file(name)
        kept.remove(f"{kept.root}/{name}")
    except StoreError as error:
        return False, str(error), fix
    return held == {"written": True}, f"{kept.shown} can be written", fix


def mlflow() -> Check:
    """Whether the tracking server answers, or the file can be made."""
    for name, value in (("MAX_RETRIES", "1"), ("TIMEOUT", "10")):
        os.environ.setdefault(f"MLFLOW_HTTP_REQUEST_{name}", value)
    from stages import tracking_address, tracking_connection

    try:
        tracking_connection.reach()
    except TrackingError as error:
        return False, str(error), "start the server, or set MLFLOW_TRACKING_URI (and _USERNAME, _PASSWORD)"
    return True, f"{tracking_address.address()} answers", ""


def ray() -> Check:
    """Whether the cluster takes work; without RAY_ADDRESS one is started here for each sweep."""
    found, fault = cluster_or_fault(os.environ.get("RAY_ADDRESS"))
    fix = "start the cluster with this Python and this Ray (docs/cluster.md), or unset RAY_ADDRESS"
    return fault is None, fault or found, fix


def _two_numbers(version: str) -> tuple[int, int]:
    major, minor = re.findall(r"\d+", version)[:2]
    return int(major), int(minor)
