"""How far a sweep is: the plan's runs, cells and values beside what the store holds. Reads only these two."""

import argparse
import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from analysis.tables import TableError
from stages import lock, measure, params, predict, tables, train
from stages.plan import COMPANION, FOLDER
from stages.prepare import DATA, digests_of
from stages.store import Store

KINDS = {"train": ("runs", "runs"), "predict": ("cells", "cells"), "measure": ("values", "sets of values")}


@dataclass(frozen=True)
class Needed:
    """What a plan needs of the store, whether it is there or not: data by digest, the rest with its key.

    runs: as `stages.train.keyed` gives them; cells: as `stages.predict.keyed`; values: as `stages.measure.keyed`, for
    every run as if all had finished.
    """

    data: set[str]
    runs: list[dict[str, Any]]
    cells: list[dict[str, Any]]
    values: list[dict[str, Any]]

    def keys(self, kind: str) -> list[str]:
        """The keys of `runs`, `cells` or `values`, each once."""
        names = {"runs": "run_key", "cells": "cell_key", "values": "values_key"}
        return list(dict.fromkeys(item[names[kind]] for item in getattr(self, kind)))


def needed(folder: Path = Path()) -> Needed:
    """What the plan in a folder needs. Raises TableError where its tables or its data.json are not there."""
    planned = tables.read(tables.PLANNED_RUNS, folder / FOLDER / "runs.parquet")
    conditions = tables.read(tables.PLANNED_CELLS, folder / FOLDER / "cells.parquet")
    measurements = tables.read(tables.PLANNED_MEASUREMENTS, folder / FOLDER / "measurements.parquet")
    try:
        data = json.loads((folder / DATA).read_text())
        return of_plan(planned, conditions, measurements, data)
    except (OSError, ValueError, KeyError) as error:
        raise TableError(f"{folder / DATA}: not the data of this plan; `dvc repro` prepares them") from error


def of_plan(
    planned: pl.DataFrame, conditions: pl.DataFrame, measurements: pl.DataFrame, data: Mapping[str, Any]
) -> Needed:
    """What a plan's tables need, with the data that data.json describes. Raises KeyError where they do not fit."""
    runs = [train.keyed(row, data) for row in planned.iter_rows(named=True)]
    fate = {"status": "finished", "reason": "", "flops": None, "steps": None, "loss": None}
    as_if_finished = tables.frame(
        [{**{name: run[name] for name in tables.RUNS.columns if name in run}, **fate} for run in runs], tables.RUNS
    )
    cells = predict.keyed(as_if_finished, conditions, data)
    outcomes = tables.frame(
        [
            {**{name: cell[name] for name in ("run", "run_key", "condition", "cell_key")}, "digest": None, **FINISHED}
            for cell in cells
        ],
        tables.OUTCOMES,
    )
    measured = as_if_finished.filter(pl.col("role") != COMPANION)
    values = measure.keyed(measured, measurements, outcomes, conditions)
    held = set[str]().union(*map(digests_of, data.values()))
    return Needed(held, runs, cells, values)


FINISHED = {"status": "finished", "reason": ""}


def status(_: argparse.Namespace) -> int:
    """`diffprog status`: how much is done, what failed, and how the driver at work gets on."""
    store = Store.from_environment()
    asked = needed()
    print(f"{params.study_name()}, in the store {store.shown}")
    for stage, (kind, words) in KINDS.items():
        keys = asked.keys(kind)
        missing = set(keys) - store.listing(kind)
        failed = failures(store, kind, missing)
        counts = f"{len(keys) - len(missing)} of {len(keys)} {words} done, {len(missing) - failed.total()} to do"
        print(f"  {stage:<9}{counts}, {failed.total()} failed{_by_class(failed)}")
    print(f"  {_driver(lock.holder(store))}")
    return 0


def failures(store: Store, kind: str, keys: Iterable[str]) -> Counter[str]:
    """How many of these items failed last, by class."""
    wanted = set(keys)
    held = {path.rpartition("/")[2].removesuffix(".json") for path in store.paths(f"failed/{kind}")}
    found = (store.failure(kind, key) for key in sorted(wanted & held))
    return Counter(str(failure["error"]) for failure in found if failure and "error" in failure)


def _by_class(failed: Counter[str]) -> str:
    listed = ", ".join(f"{count} {name}" for name, count in failed.most_common())
    return f": {listed}" if listed else ""


def _driver(found: lock.Driver | None) -> str:
    if found is None:
        return "no driver is at work"
    who = f"{found.stage} on {found.host}, process {found.pid}, since {found.since}"
    there = lock.alive(found)
    if there is False:
        return f"no driver is at work: {who}, is gone; `dvc repro` goes on from there"
    unsure = " (another machine's: not looked for)" if there is None else ""
    done = f"{found.items_done} of {found.items} items in {duration(found.seconds)}"
    if not found.items_done or not found.seconds:
        return f"at work: {who}{unsure}: {done}"
    left = (found.amount - found.amount_done) * found.seconds / found.amount_done if found.amount_done else 0.0
    rate = found.items_done / found.seconds
    return f"at work: {who}{unsure}: {done}, {rate:.3g} a second, about {duration(left)} left"


def duration(seconds: float) -> str:
    """As a person would say it: the two largest units."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
