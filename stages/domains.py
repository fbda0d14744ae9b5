"""The domains: the packages below pipelines/ that have a module `domain`."""

import importlib
import importlib.util
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import cast

import pipelines
from pipelines.domain import Cohorts, Domain, Running, Showing, Spec, Stored


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


def training_modules(run: Spec) -> list[str]:
    """The modules whose code decides what a training gives, of its specification: they are looked up, not imported."""
    of = f"pipelines.{run['domain']}"
    environment = run["data"].get("environment")
    return [
        f"{of}.running",
        *([f"{of}.environments.{environment}"] if environment else []),
        f"{of}.methods.{run['method']['use']}",
        f"{of}.models.{run['model']['use']}",
        *(condition_modules(run["domain"], run["sibling"]) if run["sibling"] else []),
        *([f"{of}.cohorts"] if "cohort" in run else []),
    ]


def condition_modules(name: str, condition: Spec) -> list[str]:
    """The modules whose code decides a condition's outcomes, given the model and the examples."""
    return [f"pipelines.{name}.running", f"pipelines.{name}.conditions.{condition['use']}"]


def cohorts(name: str) -> Cohorts | None:
    """What trains several runs of a domain at once; None of one that has no module for it."""
    return cast(Cohorts | None, _optional(f"pipelines.{name}.cohorts"))


def showing(name: str) -> Showing | None:
    """What a domain shows of single examples; None of one that has no module for it."""
    return cast(Showing | None, _optional(f"pipelines.{name}.examples"))


def _optional(module: str) -> ModuleType | None:
    return importlib.import_module(module) if importlib.util.find_spec(module) else None
