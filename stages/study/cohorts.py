"""Which runs are trained at once: runs of one model and one method, at several seeds and options that are numbers."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from stages import domains
from stages.study.model import Part, Task

Differing = dict[str, list[float]]  # options, by name a number for each method or run
Fits = Callable[[Sequence[Part]], bool]  # whether runs of these methods can be trained at once


def fits_of(task: Task, model: Part) -> Fits:
    """For runs of a task with models of this family; none where the task does not ask for cohorts."""
    able = domains.cohorts(task.domain) if task.cohort > 1 else None

    def fits(methods: Sequence[Part]) -> bool:
        differing = differing_of([method.options for method in methods])
        first = methods[0].spec()
        return bool(able and able.trains_together(first, differing, model.spec(), task.training, task.shape.about))

    return fits


def cohorts_of(task: Task, fits: Fits) -> dict[tuple[str, int], dict[str, Any]]:
    """The cohort of each run by its method's name and its seed, `task.cohort` runs at most, for models of a family of
    which it is known what fits; nothing of a run that is trained alone.
    """
    found: dict[tuple[str, int], dict[str, Any]] = {}
    for methods in together(task.methods, fits):
        runs = [(method, seed) for method in methods for seed in task.seeds[method.name]]
        for at in range(0, len(runs), task.cohort):
            some = runs[at : at + task.cohort]
            options = differing_of([method.options for method, _ in some])
            cohort = {"seeds": [seed for _, seed in some], "options": options}
            found |= {(method.name, seed): cohort for method, seed in some if len(some) > 1}
    return found


def together(methods: Sequence[Part], fits: Fits) -> Iterator[tuple[Part, ...]]:
    """The methods whose runs can be trained at once, together those that differ in numbers alone."""
    alike: dict[Any, list[Part]] = {}
    for method in methods:
        others = {name: value for name, value in method.options.items() if not is_number(value)}
        alike.setdefault((method.use, json.dumps(others, sort_keys=True)), []).append(method)
    for some in alike.values():
        different = {json.dumps(method.spec(), sort_keys=True) for method in some}
        if 1 < len(different) == len(some) and fits(some):
            yield tuple(some)
        else:
            yield from ((method,) for method in some if fits([method]))


def is_number(value: Any) -> bool:
    """Whether a loss may have it as one of several runs' at once."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def differing_of(every: Sequence[Mapping[str, Any]]) -> Differing:
    """The options that are not the same in all of these."""
    return {
        name: [options[name] for options in every]
        for name, value in every[0].items()
        if any(repr(options[name]) != repr(value) for options in every)  # 1 and 1.0 have two keys
    }
