"""What a record was made with: versions, processor, device, threads, commit. In no key; shown where records differ."""

import json
import platform
import re
import subprocess
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from stages.store.code_path import ROOT

PACKAGES = ("diffprog", "torch", "timm", "torchvision", "numpy")
VECTOR_UNITS = re.compile(r"avx|avx2|avx512f|avx512_bf16|amx_tile|fma|asimd|sve|sve2")
OURS = ("pipelines", "stages", "analysis", "cluster")

ENVIRONMENT = "environment"  # the fact of a record that holds it
Environment = dict[str, Any]


def environment(device: str, threads: int, checkout: Mapping[str, Any]) -> Environment:
    """What this process computes with: `device` as a person would name it, and the checkout (`checkout()`) its code is
    from. Names of things that are not known are left out.
    """
    found = {name: _version(name) for name in PACKAGES}
    found |= {"python": platform.python_version(), "system": f"{platform.system()} {platform.machine()}"}
    found |= _processor(Path("/proc/cpuinfo"))
    return {name: what for name, what in found.items() if what} | {"device": device, "threads": threads, **checkout}


def checkout(root: Path = ROOT) -> Environment:
    """The commit that the code is from, and whether the code was edited since; nothing where git does not know it."""
    try:
        commit = _git(root, "rev-parse", "HEAD")
        return {"commit": commit, "dirty": bool(_git(root, "status", "--porcelain", "--", *OURS))}
    except (OSError, subprocess.CalledProcessError):
        return {}


def text(environment: Mapping[str, Any] | None) -> str:
    """An environment as JSON, the same text for the same environment; empty for none."""
    return json.dumps(environment, sort_keys=True) if environment else ""


def differences(one: Mapping[str, Any], other: Mapping[str, Any]) -> str:
    """In words, what differs between two environments, thread counts and commits too."""
    names = [name for name in sorted({*one, *other}) if one.get(name) != other.get(name)]
    apart = [f"{name} {one.get(name, 'unknown')} and {other.get(name, 'unknown')}" for name in names]
    return "; ".join(apart) or "nothing that is recorded"


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""


def _git(root: Path, *arguments: str) -> str:
    done = subprocess.run(["git", "-C", str(root), *arguments], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def _processor(cpuinfo: Path) -> dict[str, str]:
    """The processor's name and vector units, as Linux tells them; elsewhere the name alone."""
    try:
        found = dict(re.findall(r"^([^\t:]+)\s*: (.*)$", cpuinfo.read_text(), re.MULTILINE))
    except OSError:
        return {"processor": platform.processor()}
    flags = (found.get("flags") or found.get("Features") or "").split()
    units = " ".join(sorted(flag for flag in flags if VECTOR_UNITS.fullmatch(flag)))
    return {"processor": found.get("model name") or platform.processor(), "vector_units": units}
