"""A study: params.yaml read and checked, every error at once."""

import inspect
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from stages import documents, domains
from stages.study.checks import NAME, Faults, WrongParams, check_options, content_of
from stages.study.compute import Compute, compute_faults, compute_options
from stages.study.model import Study, Task
from stages.study.preregistration import audit_faults, preregistered
from stages.study.task import BESIDE_TASKS, family_of, read_task


def read(path: Path = Path("params.yaml")) -> Study:
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
        faults.add("study", f"{name!r} is not a name of letters, digits, '_', '.' and '-', at most 64 long")
    sections = {key: section for key, section in content.items() if key not in BESIDE_TASKS}
    if not sections:
        faults.add("", f"no task is given: a section named {' or '.join(domains.names())}, or one that says its domain")
    found = [read_task(key, section, faults) for key, section in sections.items()]
    tasks = [task for task in found if task]
    names = [key for key in sections if isinstance(key, str)]
    _audit(content.get("audit") or {}, tasks, names, faults)
    _compute(content.get("compute") or {}, tasks, names, faults)
    audit = preregistered({} if faults else content.get("audit") or {}, [task.name for task in tasks])
    return Study(str(name), tuple(tasks), audit, Compute(content.get("compute") or {}))


def _audit(section: Any, tasks: list[Task], names: list[str], faults: Faults) -> None:
    """Check the names in it only where the task is known, or each error would be reported twice."""
    if not isinstance(section, dict):
        faults.add("audit", f"{section!r} is not a mapping of options")
        return
    safety = {
        task.name: [f"{item.condition}/{item.name}" for item in task.measurements if item.axis == "safety"]
        for task in tasks
    }
    methods = list(dict.fromkeys(method.name for task in tasks for method in task.methods))
    for where, what in audit_faults(section, names, safety, methods):
        faults.add(where, what)


def _compute(section: Any, tasks: list[Task], names: list[str], faults: Faults) -> None:
    """Check the names in it only where the tasks are known, or each error would be reported twice."""
    if not isinstance(section, dict):
        faults.add("compute", f"{section!r} is not a mapping of options")
        return
    before = len(faults)
    known = [*inspect.signature(compute_options).parameters, *names]
    for key in section:
        if key not in known:
            faults.add("compute", f"{key!r} is not one of: {', '.join(known)}")
    common = {key: value for key, value in section.items() if key in known and key not in names}
    check_options(compute_options, common, "compute", faults)
    if len(faults) == before and tasks:
        methods = dict.fromkeys(method.name for task in tasks for method in task.methods)
        models: dict[str, list[str]] = {}
        for model in (model for task in tasks for model in task.models):
            models.setdefault(family_of(model), []).append(model.name)
        for where, what in compute_faults(section, names, methods, models):
            faults.add(f"compute.{where}", what)


def compute(path: Path = Path("params.yaml")) -> Compute:
    """The section `compute` of a params.yaml that was checked when it was planned."""
    return Compute(documents.read(path).content.get("compute") or {})
