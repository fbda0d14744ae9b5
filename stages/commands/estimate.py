"""What is still to be done of a study, and the core-hours of it: as measured, or else at a stated rate."""

import statistics
from collections import defaultdict
from itertools import islice
from typing import Any

from analysis.schema import TableError
from stages import artifacts
from stages.making.data import made_from
from stages.needed import Needed, of_plan, trainings
from stages.store.store import Entry, Store
from stages.study.expansion import described, expanded
from stages.study.model import Study

STATED_RATE = 1e10  # FLOPs a second of one core: small networks on 32 pixels, float32 (benchmarks/sweep.py)
SAMPLED = 300  # records of other studies' runs that are read for a rate


def lines(study: Study, store: Store) -> list[str]:
    """What a study asks for, how much of it the store holds, and what the rest takes."""
    planned, conditions, measurements = expanded(study)
    data = prepared(study)
    if data is None:
        counts = f"{len(planned)} runs and {len(conditions)} conditions"
        return [f"{counts}: what is done is known once the data are prepared (`dvc repro prepare`)"]
    asked = of_plan(
        artifacts.PLANNED_RUNS.frame(planned),
        artifacts.PLANNED_CELLS.frame(conditions),
        artifacts.PLANNED_MEASUREMENTS.frame(measurements),
        data,
    )
    return [_training(study, asked, store), _conditions(study, asked, store), _values(asked, store)]


def prepared(study: Study) -> dict[str, Any] | None:
    """data.json, if it was made from this study's data and conditions."""
    try:
        data = artifacts.prepared_data()
        fits = all(data[task.name]["made_from"] == made_from(described(task)) for task in study.tasks)
    except (TableError, KeyError, TypeError):
        return None
    return dict(data) if fits else None


def _training(study: Study, asked: Needed, store: Store) -> str:
    held = store.listing("runs")
    missing = [run for run in asked.runs if run.key not in held]
    done = len(asked.runs) - len(missing)
    said = f"train    {len(asked.runs)} runs: {done} in the store, {len(missing)} to do"
    if not missing:
        return said
    rates, source = rates_of(asked, held, store)
    seconds = 0.0
    for training in trainings(missing):
        run = training.run
        rate = rates.get(run.family, rates[""])
        seconds += run.planned_flops / rate * study.compute.resources(run.task, run.method, run.model).cpus
    return f"{said}, about {seconds / 3600:.2g} core-hours ({source})"


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


def _conditions(study: Study, asked: Needed, store: Store) -> str:
    held = store.listing("cells")
    every = {cell.key: cell for cell in asked.cells}
    missing = [cell for key, cell in every.items() if key not in held]
    said = f"predict  {len(every)} cells: {len(every) - len(missing)} in the store, {len(missing)} to do"
    if not missing:
        return said
    measured: dict[str, list[float]] = defaultdict(list)
    for key, entry in store.entries("cells", islice(sorted(held & set(every)), 10 * SAMPLED)).items():
        if "seconds" in entry.facts:
            measured[every[key].condition].append(_seconds(entry))
    known = [cell for cell in missing if cell.condition in measured]
    hours = sum(statistics.mean(measured[cell.condition]) for cell in known) / 3600
    cost = f"about {hours:.2g} core-hours for {len(known)} of them" if known else "their cost is not known"
    return f"{said}, {cost} (from the seconds of {sum(map(len, measured.values()))} cells in the store)"


def _values(asked: Needed, store: Store) -> str:
    every = asked.keys()["values"]
    missing = every - store.listing("values")
    return f"measure  {len(every)} sets of values: {len(every) - len(missing)} in the store, {len(missing)} to do"


def _seconds(entry: Entry) -> float:
    return max(float(entry.facts["seconds"]), 1e-9)
