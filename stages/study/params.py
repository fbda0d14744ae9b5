"""A study: params.yaml read and checked, every error at once."""

import inspect
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from stages import domains
from stages.artifacts import PARAMS
from stages.study.checks import NAME, Faults, WrongParams, check_options, content_of
from stages.study.compute import Compute, compute_faults, compute_options
from stages.study.model import Study
from stages.study.names import Names, names_of
from stages.study.preregistration import audit_faults, preregistered
from stages.study.task import BESIDE_TASKS, read_task


def read(path: Path = PARAMS) -> Study:
    """The study of a params.yaml. Raises WrongParams with every error in it."""
    faults = Faults(path.name)
    content = content_of(path, faults)
    study = _study(content, faults)
    if faults:
        raise WrongParams(list(faults))
    return study


def _study(content: Mapping[str, Any], faults: Faults) -> Study:
    name = content.get("study")
    if not isinstance(name, str) or not NAME.fullmatch(name):
        said = f"{name!r} is not" if "study" in content else "is missing:"
        faults.add("study", f"{said} a name of letters, digits, '_', '.' and '-', at most 64 long")
    authors = content.get("authors", [])
    if not isinstance(authors, list) or not all(isinstance(each, str) and each.strip() for each in authors):
        faults.add("authors", f"{authors!r} is not a list of names")
    sections = {key: section for key, section in content.items() if key not in BESIDE_TASKS}
    if not sections:
        faults.add("", f"no task is given: a section named {' or '.join(domains.names())}, or one that says its domain")
    found = [read_task(key, section, faults) for key, section in sections.items()]
    tasks = [task for task in found if task]
    named = _named(content)
    _audit(content.get("audit") or {}, named, faults)
    _compute(content.get("compute") or {}, named, faults)
    audit = preregistered({} if faults else content.get("audit") or {}, [task.name for task in tasks])
    return Study(str(name), tuple(tasks), audit, Compute(content.get("compute") or {}))


def _named(content: Mapping[str, Any]) -> dict[str, Names]:
    """By task, the names that it gives."""
    sections = {key: section for key, section in content.items() if key not in BESIDE_TASKS}
    return {key: names_of(section) for key, section in sections.items() if isinstance(key, str)}


def _audit(section: Any, named: Mapping[str, Names], faults: Faults) -> None:
    """Check it against the names that the tasks give, of those with errors, too."""
    if not isinstance(section, dict):
        faults.add("audit", f"{section!r} is not a mapping of options")
        return
    safety = {task: names.safety for task, names in named.items()}
    for where, what in audit_faults(section, list(named), safety, _methods(named)):
        faults.add(where, what)


def _compute(section: Any, named: Mapping[str, Names], faults: Faults) -> None:
    """Check it against the names that the tasks give, of those with errors, too."""
    if not isinstance(section, dict):
        faults.add("compute", f"{section!r} is not a mapping of options")
        return
    known = [*inspect.signature(compute_options).parameters, *named]
    for key in section:
        if key not in known:
            faults.add("compute", f"{key!r} is not one of: {', '.join(known)}")
    common = {key: value for key, value in section.items() if key in known and key not in named}
    check_options(compute_options, common, "compute", faults)
    models: dict[str, list[str]] = {}
    if all(names.models for names in named.values()):
        for family, of_family in (each for names in named.values() for each in names.models.items()):
            models.setdefault(family, []).extend(of_family)
    for where, what in compute_faults(section, list(named), _methods(named), models):
        faults.add(f"compute.{where}", what)


def _methods(named: Mapping[str, Names]) -> list[str]:
    """The methods of all tasks; none where those of one are not known."""
    known = all(names.methods for names in named.values())
    return list(dict.fromkeys(method for names in named.values() for method in names.methods)) if known else []


def compute(path: Path = PARAMS) -> Compute:
    """The section `compute` of a params.yaml, which may be edited while a stage runs. Raises WrongParams."""
    faults = Faults(path.name)
    section = (content := content_of(path, faults)).get("compute") or {}
    _compute(section, _named(content), faults)
    if faults:
        raise WrongParams(list(faults))
    return Compute(section)
