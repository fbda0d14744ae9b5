"""Who goes on: the methods that are not decided yet and may be, and what a budget is best spent on."""

from typing import Any

import polars as pl

from analysis.audit.looks import OPEN, chance
from analysis.tables import BASELINE
from stages.deciding.costs import Costs
from stages.study import nested
from stages.study.model import Study
from stages.study.nested import part_of, size

HOPELESS = 0.1  # the chance of a label by the last look below which an open claim is given up
Counts = dict[str, dict[str, int]]  # by task and method, models and seeds
Names = dict[str, list[str]]  # by task, methods


def real(study: Study) -> Names:
    """By task, the methods that are judged, without the placebos."""
    placebos = study.audit.options["placebos"]
    return {
        task.name: [part.name for part in task.methods if part.name not in (BASELINE, *placebos)]
        for task in study.tasks
    }


def placebos_of(study: Study, task: str) -> list[str]:
    """The placebos of a task."""
    (methods,) = ([part.name for part in each.methods] for each in study.tasks if each.name == task)
    return [name for name in study.audit.options["placebos"] if name in methods]


def claims_of(verdicts: pl.DataFrame, task: str, method: str) -> list[dict[str, Any]]:
    """A method's verdicts on areas; `verdicts` is the table VERDICTS of all tasks."""
    return verdicts.filter(pl.col("area").is_not_null(), task=task, method=method).to_dicts()


def why_dropped(
    study: Study, planned: pl.DataFrame, verdicts: pl.DataFrame, task: str, method: str, taken: int, look: int
) -> str | None:
    """Why a method gets no more runs after a look: all its areas are decided, or the rest can't be within the plan;
    None where it goes on.
    """
    claims = claims_of(verdicts, task, method)
    if not claims:
        return None
    left = [row for row in claims if row["label"] in OPEN]
    if not left:
        return "decided"
    shares, settings = study.audit.options["looks"], study.audit.of(task).settings
    every = len(nested.cells(planned.filter(task=task), method))
    if look == len(shares):
        return None
    chances = [chance(row, every / taken, shares[-1] / shares[look - 1], settings) for row in left]
    if all(each is not None and each < HOPELESS for each in chances):
        return f"{len(left)} not within this plan"
    return None


def waiting(study: Study, going: Names) -> Names:
    """By task, the methods that a part has nothing new of."""
    found = {}
    for task in study.tasks:
        on = going.get(task.name, [])
        along = {BASELINE, *on, *(placebos_of(study, task.name) if on else ())}
        found[task.name] = [part.name for part in task.methods if part.name not in along]
    return found


def next_part(study: Study, planned: pl.DataFrame, taken: Counts, going: Names, look: int) -> Counts:
    """The part for a look: more of the methods that go on and of the placebos beside them, what there is of others."""
    looks = len(study.audit.options["looks"])
    found = {task: dict(counts) for task, counts in taken.items()}
    for task, methods in going.items():
        rows = planned.filter(task=task)
        for method in [*methods, *(placebos_of(study, task) if methods else ())]:
            found.setdefault(task, {})[method] = size(rows, method, look, looks)
    return found


def afforded(
    study: Study,
    planned: pl.DataFrame,
    taken: Counts,
    going: Names,
    look: int,
    verdicts: pl.DataFrame,
    costs: Costs,
    left: float,
) -> Names:
    """The methods whose next part a budget of core-seconds has room for: one after the other that with which the most
    claims are expected to be decided for each core-second, the baseline's runs that it needs among its costs.
    """
    chosen: Names = {task: [] for task in going}
    spent, part = 0.0, taken
    undecided = [(task, method) for task, methods in going.items() for method in methods]
    while undecided:
        best = None
        for task, method in undecided:
            tried = next_part(study, planned, taken, {**chosen, task: [*chosen[task], method]}, look)
            cost = costs.missing_of(part_of(planned, tried)) - costs.missing_of(part_of(planned, part))
            if spent + cost > left:
                continue
            worth = expected(study, verdicts, task, method, tried[task][method] / taken[task][method], look)
            rate = worth / max(cost, 1e-9)
            if best is None or rate > best[0]:
                best = rate, task, method, cost, tried
        if best is None:
            break
        _, task, method, cost, part = best
        chosen[task].append(method)
        spent += cost
        undecided.remove((task, method))
    return chosen


def expected(study: Study, verdicts: pl.DataFrame, task: str, method: str, growth: float, look: int) -> float:
    """How many of a method's open claims are expected to be decided at a look with `growth` times its runs."""
    shares, settings = study.audit.options["looks"], study.audit.of(task).settings
    left = [row for row in claims_of(verdicts, task, method) if row["label"] in OPEN]
    chances = [chance(row, growth, shares[look - 1] / shares[look - 2], settings) for row in left]
    return sum(each or 0.0 for each in chances)
