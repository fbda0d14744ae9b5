"""What the runs of a plan have cost, and what those that are missing will: core-seconds of each model and seed."""

from collections import defaultdict
from dataclasses import dataclass
from typing import Any

import polars as pl

from stages.commands.estimate import rates_of, seconds_of_conditions
from stages.needed import SAME_RUN, Needed, trainings
from stages.store.store import Entry, Store
from stages.study.model import Study

Which = tuple[Any, ...]  # task, method, model, seed


@dataclass(frozen=True)
class Costs:
    """Core-seconds by task, method, model and seed: of what the store holds, as recorded; of what it lacks, as
    `diffprog plan` estimates it.
    """

    done: dict[Which, float]
    missing: dict[Which, float]

    def missing_of(self, runs: pl.DataFrame) -> float:
        """What the rows of the table PLANNED_RUNS will take."""
        return sum(self.missing.get(which, 0.0) for which in runs.select(SAME_RUN).unique().rows())

    def done_of(self, runs: pl.DataFrame) -> float:
        """What the rows of the table PLANNED_RUNS took."""
        return sum(self.done.get(which, 0.0) for which in runs.select(SAME_RUN).unique().sort(SAME_RUN).rows())


def costs(study: Study, asked: Needed, store: Store) -> Costs:
    """The costs of a plan. A condition that was never measured counts as nothing."""
    done: dict[Which, float] = defaultdict(float)
    missing: dict[Which, float] = defaultdict(float)

    def cpus(which: Which) -> float:
        return study.compute.resources(which[0], which[1], which[2]).cpus

    held = store.listing("runs")
    rates, _ = rates_of(asked, held, store)
    which_of = {run.key: tuple(getattr(run, name) for name in SAME_RUN) for run in asked.runs}
    kept = store.entries("runs", (run.key for run in asked.runs if run.key in held and run.at_step is None))
    for key, entry in sorted(kept.items()):
        done[which_of[key]] += _seconds(entry) * cpus(which_of[key])
    for training in trainings(run for run in asked.runs if run.key not in held):
        which = which_of[training.run.key]
        missing[which] += training.run.planned_flops / rates.get(training.run.family, rates[""]) * cpus(which)
    cells = {cell.key: cell for cell in asked.cells}
    there = store.entries("cells", sorted(store.listing("cells") & set(cells)))
    for key, entry in there.items():
        cell = cells[key]
        done[which_of[cell.run_key]] += _seconds(entry) * cpus(which_of[cell.run_key])
    means = seconds_of_conditions(cells, there)
    for key in sorted(set(cells) - set(there)):
        cell = cells[key]
        missing[which_of[cell.run_key]] += means.get((cell.task, cell.condition), 0.0) * cpus(which_of[cell.run_key])
    return Costs(dict(done), dict(missing))


def _seconds(entry: Entry) -> float:
    return float(entry.facts.get("seconds") or 0.0)
