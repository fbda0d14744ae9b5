"""Processes of this machine: whether one is still the same, and which one the stages of a study are run by."""

import os
from pathlib import Path

SESSION_OF = "DIFFPROG_SESSION_OF"  # a process whose stages share a Ray session; DVC's needs no naming


def born(pid: int) -> str | None:
    """When a process began, in ticks since the boot; None where there is none, or only what is left of one."""
    fields = _stat(pid)
    if fields:
        return None if fields[0] in "ZX" else fields[19]
    if Path("/proc/self/stat").exists():
        return None
    try:
        os.kill(pid, 0)
    except OSError:
        return None
    return ""


def runner() -> int | None:
    """The process that runs this stage among others: the one that DIFFPROG_SESSION_OF names, or the DVC above this
    process. None where the stage is run on its own, or where the system does not tell.
    """
    named = os.environ.get(SESSION_OF, "")
    if named.isdecimal():
        return int(named)
    pid = os.getpid() if os.environ.get("DVC_STAGE") else 0
    while (fields := _stat(pid)) and (pid := int(fields[1])) > 1:
        if any(Path(word).name == "dvc" for word in _words(pid)):
            return pid
    return None


def _words(pid: int) -> list[str]:
    """A process's command line."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_text(errors="replace").split("\0")
    except OSError:
        return []


def _stat(pid: int) -> list[str]:
    """What Linux tells of a process after its name: state, parent, ..."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
    except OSError:
        return []
