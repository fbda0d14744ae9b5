"""The section `compute` of params.yaml: what one item of work needs. It is in no key: it may change at any time.

    compute:
      cpus: 1                                # the default of every item
      vision: {memory_gib: 2}                # of one task
      methods: {adversarial: {cpus: 2}}      # of one method
      models: {resnet: {gpus: 0.25}, resnet-64: {gpus: 1, timeout_s: 7200}}   # of a family, or of one model

Of each need the most specific entry counts: the model (family-width), then the family, then the method, then the
task, then the default.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any

from cluster.resources import Resources
from pipelines import parts
from pipelines.parts import WrongOptions

NEEDS = ("cpus", "gpus", "memory_gib", "timeout_s")
Fault = tuple[str, str]


def needs(
    *,
    cpus: parts.Positive = 1,
    gpus: parts.NonNegative = 0,
    memory_gib: parts.Positive | None = None,
    timeout_s: parts.Positive | None = None,
) -> Resources:
    """What one item takes: CPUs (its threads, too), GPUs (a share of one is fine), memory in GiB, and the seconds
    after which it counts as failed, by default never."""
    return Resources(cpus, gpus, None if memory_gib is None else int(memory_gib * 2**30), timeout_s)


def compute_options(
    *,
    cpus: parts.Positive = 1,
    gpus: parts.NonNegative = 0,
    memory_gib: parts.Positive | None = None,
    timeout_s: parts.Positive | None = None,
    workers: parts.Count | None = None,
    methods: Mapping[str, Any] | None = None,
    models: Mapping[str, Any] | None = None,
) -> None:
    """What the section may hold: the needs of every item, those of some methods and models, and how many may
    run at once; a section named like a task has the needs of its items."""


@dataclass(frozen=True)
class Compute:
    """The section of a params.yaml that was checked when it was planned."""

    section: Mapping[str, Any]

    @property
    def workers(self) -> int | None:
        """How many items may run at once; as many as fit where that is not said."""
        count: int | None = self.section.get("workers")
        return count

    def resources(self, task: str, method: str, model: str) -> Resources:
        """What training or predicting with a model needs."""
        models = self.section.get("models") or {}
        methods = self.section.get("methods") or {}
        family = model.rpartition("-")[0]
        return self._needs(task, methods.get(method), models.get(family), models.get(model))

    def measuring(self, task: str) -> Resources:
        """What computing metrics on stored outcomes needs: the task's share of everything but GPUs."""
        return replace(self._needs(task), gpus=0)

    def _needs(self, task: str, *entries: Mapping[str, Any] | None) -> Resources:
        """Of entries that follow the default and the task's, the later counts."""
        entries = (self.section, self.section.get(task), *entries)
        chosen = {name: value for entry in entries for name, value in (entry or {}).items() if name in NEEDS}
        return needs(**chosen)


def compute_faults(
    section: Mapping[str, Any], tasks: Collection[str], methods: Collection[str], models: Mapping[str, Collection[str]]
) -> Iterator[Fault]:
    """Where and what is wrong with the entries of methods, of models (`models`: those of each family) and tasks."""
    entries = [(task, section[task]) for task in tasks if section.get(task) is not None]
    known = {"methods": list(methods), "models": [*models, *dict.fromkeys(chain(*models.values()))]}
    for kind, names in known.items():
        given = section.get(kind)
        for name, entry in (given if isinstance(given, dict) else {}).items():
            if names and name not in names:
                what = "methods" if kind == "methods" else "families or models"
                yield f"{kind}.{name}", f"not one of the {what}: {', '.join(names)}"
            entries.append((f"{kind}.{name}", entry))
    for where, entry in entries:
        if not isinstance(entry, Mapping):
            yield where, f"{entry!r} is not a mapping of options"
            continue
        try:
            parts.check_options(needs, entry)
        except WrongOptions as error:
            yield from ((where, fault) for fault in error.faults)
