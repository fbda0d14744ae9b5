"""What is still to be done of a study, and the core-hours of it: as measured, or else at a stated rate."""

import statistics
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

from analysis.schema import TableError
from stages import artifacts
from stages.needed import Needed, made_from, of_plan, trainings
from stages.records import Cell
from stages.store.store import Entry, Store
from stages.study.expansion import described
from stages.study.model import Study

STATED_RATE = 1e10  # FLOPs a second of one core: small networks on 32 pixels, float32 (benchmarks/sweep.py)
Rows = tuple[list[dict[str, Any]], list[dict[str, Any]], list[dict[str, Any]]]  # of a study, expanded
SAMPLED = 300  # records of other studies' runs that are read for a rate


@dataclass(frozen=True)
class Rest:
    """What a stage is asked for, how much of it the store holds, and the core-hours of the rest.

    core_hours: of `known` of the missing items, null where nothing is missing or nothing known. source: of the estimate
    """

    stage: str
    items: str
    planned: int
    done: int
    core_hours: float | None = None
    known: int = 0
    source: str = ""

    @property
    def to_do(self) -> int:
        """How many items are missing."""
        return self.planned - self.done

    @property
    def line(self) -> str:
        """In words."""
        said = f"{self.stage:<9}{self.planned} {self.items}: {self.done} in the store, {self.to_do} to do"
        if not self.source:
            return said
        some = f" for {self.known} of them" * (self.stage == "predict")
        cost = "their cost is not known" if self.core_hours is None else f"about {self.core_hours:.2g} core-hours{some}"
        return f"{said}, {cost} ({self.source})"


def rests(study: Study, rows: Rows, store: Store) -> list[Rest] | None:
    """What is left of each stage that trains or measures; None where the data are not prepared. `rows` are those of the
    study, expanded.
    """
    data = prepared(study)
    if data is None:
        return None
    asked = of_plan(
        artifacts.PLANNED_RUNS.frame(rows[0]),
        artifacts.PLANNED_CELLS.frame(rows[1]),
        artifacts.PLANNED_MEASUREMENTS.frame(rows[2]),
        data,
    )
    return [_training(study, asked, store), _conditions(study, asked, store), _values(asked, store)]


def prepared(study: Study) -> dict[str, Any] | None:
    """data.json, if it was made from this study's data and conditions."""
    try:
        data = artifacts.prepared_data()
        asked = {task.name: made_from(described(task), task.shape.about) for task in study.tasks}
        fits = all(data[name]["made_from"] == digest for name, digest in asked.items())
    except (TableError, KeyError, TypeError):
        return None
    return dict(data) if fits else None


def _training(study: Study, asked: Needed, store: Store) -> Rest:
    held = store.listing("runs")
    missing = [run for run in asked.runs if run.key not in held]
    found = Rest("train", "runs", len(asked.runs), len(asked.runs) - len(missing))
    if not missing:
        return found
    rates, source = rates_of(asked, held, store)
    seconds = 0.0
    for training in trainings(missing):
        run = training.run
        rate = rates.get(run.family, rates[""])
        seconds += run.planned_flops / rate * study.compute.resources(run.task, run.method, run.model).cpus
    return replace(found, core_hours=seconds / 3600, known=len(missing), source=source)


def rates_of(asked: Needed, held: set[str], store: Store) -> tuple[dict[str, float], str]:
    """FLOPs a second by family of models, and under "" of any; and where they are from."""
    ends = {run.key: run for run in asked.runs if run.at_step is None and run.key in held}
    mine = store.entries("runs", ends)
    if mine:
        found: dict[str, list[float]] = defaultdict(list)
        for key, entry in mine.items():
            found[ends[key].family].append(ends[key].planned_flops / _seconds(entry))
        every = [rate for rates in found.values() for rate in rates]
        source = f"from the seconds of {len(every)} runs in the store, scaled by FLOPs"
        return {"": statistics.median(every), **{name: statistics.median(each) for name, each in found.items()}}, source
    others = store.entries("runs", islice(sorted(held), SAMPLED))
    measured = [entry.facts["flops"] / _seconds(entry) for entry in others.values() if entry.facts.get("flops")]
    if measured:
        return {"": statistics.median(measured)}, f"from {len(measured)} runs of other studies, scaled by FLOPs"
    return {"": STATED_RATE}, f"at {STATED_RATE:.0e} FLOPs a second and core, stated: nothing was measured here"


def _conditions(study: Study, asked: Needed, store: Store) -> Rest:
    held = store.listing("cells")
    every = {cell.key: cell for cell in asked.cells}
    missing = [cell for key, cell in every.items() if key not in held]
    found = Rest("predict", "cells", len(every), len(every) - len(missing))
    if not missing:
        return found
    sampled = store.entries("cells", islice(sorted(held & set(every)), 10 * SAMPLED))
    means = seconds_of_conditions(every, sampled)
    known = [cell for cell in missing if (cell.task, cell.condition) in means]
    model_of = {run.key: run for run in asked.runs}
    seconds = 0.0
    for cell in known:
        run = model_of[cell.run_key]
        cpus = study.compute.resources(run.task, run.method, run.model).cpus
        seconds += means[cell.task, cell.condition] * cpus
    source = f"from the seconds of {len(sampled)} cells in the store"
    return replace(found, core_hours=seconds / 3600 if known else None, known=len(known), source=source)


def seconds_of_conditions(cells: Mapping[str, Cell], made: Mapping[str, Entry]) -> dict[tuple[str, str], float]:
    """The mean seconds of a cell by task and condition, of those of these cells that are made; both are by key."""
    measured: dict[tuple[str, str], list[float]] = defaultdict(list)
    for key, entry in made.items():
        measured[cells[key].task, cells[key].condition].append(_seconds(entry))
    return {place: statistics.mean(each) for place, each in measured.items()}


def _values(asked: Needed, store: Store) -> Rest:
    every = asked.keys()["values"]
    return Rest("measure", "sets of values", len(every), len(every & store.listing("values")))


def _seconds(entry: Entry) -> float:
    return max(float(entry.facts["seconds"]), 1e-9)
