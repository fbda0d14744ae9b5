"""The domains: the packages below pipelines/ that have a module `domain`."""

import importlib
from functools import cache
from pathlib import Path
from typing import cast

import pipelines
from pipelines.domain import Domain, Running, Stored


@cache
def names() -> tuple[str, ...]:
    """Of all domains."""
    (folder,) = map(Path, pipelines.__path__)
    return tuple(sorted(path.parent.name for path in folder.glob("*/domain.py")))


def domain(name: str) -> Domain:
    """What is asked of a domain before a run."""
    return cast(Domain, importlib.import_module(f"pipelines.{name}.domain"))


def running(name: str) -> Running:
    """What makes a domain's numbers."""
    return cast(Running, importlib.import_module(f"pipelines.{name}.running"))


def arrays(name: str) -> Stored:
    """How a domain's data are stored."""
    return cast(Stored, importlib.import_module(f"pipelines.{name}.arrays"))
