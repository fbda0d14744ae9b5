"""How far a sweep is: the plan's runs, cells and values beside what the store holds. Reads only these two."""

import argparse
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

import polars as pl

from analysis.tables import TableError
from stages import lock, measure, predict, tables, train
from stages.plan import COMPANION, FOLDER
from stages.planned import study_name
from stages.prepare import DATA, digests_of
from stages.store import Store

KINDS = {"train": ("runs", "runs"), "predict": ("cells", "cells"), "measure": ("values", "sets of values")}


RUNS_AT_ONCE = 2000  # whose cells and values are held at once
LOOKED_AT = ("run", "run_key", "role", "companion", *predict.SAME_RUN)  # of a run, to key its cells and values


@dataclass(frozen=True)
class Needed:
    """What a plan needs of the store, whether it is there or not: data by digest, the rest with its key.

    runs: as `stages.train.keyed` gives them, those of one method, model and seed together.
    """

    data: set[str]
    runs: list[dict[str, Any]]
    conditions: pl.DataFrame
    measurements: pl.DataFrame
    described: Mapping[str, Any]

    @property
    def cells(self) -> list[dict[str, Any]]:
        """As `stages.predict.keyed` gives them, of all runs as if they had finished."""
        return [cell for cells, _ in self.pieces() for cell in cells]

    @property
    def values(self) -> list[dict[str, Any]]:
        """As `stages.measure.keyed` gives them, of all cells as if they had finished."""
        return [cell for _, values in self.pieces() for cell in values]

    def keys(self) -> dict[str, set[str]]:
        """Those of `runs`, `cells` and `values`."""
        found: dict[str, set[str]] = {"runs": {run["run_key"] for run in self.runs}, "cells": set(), "values": set()}
        for cells, values in self.pieces():
            found["cells"].update(cell["cell_key"] for cell in cells)
            found["values"].update(cell["values_key"] for cell in values)
        return found

    def pieces(self) -> Iterator[tuple[list[dict[str, Any]], list[dict[str, Any]]]]:
        """The cells and values of some runs at a time: of a large sweep there are millions."""
        piece: list[dict[str, Any]] = []
        for _, together in groupby(self.runs, key=_same_run):
            piece += together
            if len(piece) >= RUNS_AT_ONCE:
                yield self._of(piece)
                piece = []
        if piece:
            yield self._of(piece)

    def _of(self, runs: list[dict[str, Any]]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        schema = {name: tables.RUNS.columns[name] for name in LOOKED_AT}
        finished = pl.DataFrame({name: [run[name] for run in runs] for name in schema}, schema=schema)
        finished = finished.with_columns(status=pl.lit("finished"))
        cells = predict.keyed(finished, self.conditions, self.described)
        columns = {name: [cell[name] for cell in cells] for name in ("run", "run_key", "condition", "cell_key")}
        outcomes = pl.DataFrame(columns).with_columns(status=pl.lit("finished"), environment=pl.lit(""))
        measured = finished.filter(pl.col("role") != COMPANION)
        return cells, measure.keyed(measured, self.measurements, outcomes, self.conditions)


def _same_run(run: Mapping[str, Any]) -> tuple[Any, ...]:
    return tuple(run[name] for name in predict.SAME_RUN)


def needed(folder: Path = Path()) -> Needed:
    """What the plan in a folder needs. Raises TableError where its tables or its data.json are not there."""
    planned = tables.read(tables.PLANNED_RUNS, folder / FOLDER / "runs.parquet")
    conditions = tables.read(tables.PLANNED_CELLS, folder / FOLDER / "cells.parquet")
    measurements = tables.read(tables.PLANNED_MEASUREMENTS, folder / FOLDER / "measurements.parquet")
    try:
        data = json.loads((folder / DATA).read_text(encoding="utf-8"))
        return of_plan(planned, conditions, measurements, data)
    except (OSError, ValueError, KeyError) as error:
        raise TableError(f"{folder / DATA}: not the data of this plan; `dvc repro prepare` makes them") from error


def of_plan(
    planned: pl.DataFrame, conditions: pl.DataFrame, measurements: pl.DataFrame, data: Mapping[str, Any]
) -> Needed:
    """What a plan's tables need, with the data that data.json describes. Raises KeyError where they do not fit."""
    for domain, condition in conditions.select("domain", "condition").iter_rows():
        data[domain]["conditions"][condition]["digest"]  # else the data are of another plan
    runs = sorted((train.keyed(row, data) for row in planned.iter_rows(named=True)), key=_same_run)
    return Needed(set[str]().union(*map(digests_of, data.values())), runs, conditions, measurements, data)


def status(_: argparse.Namespace) -> int:
    """`diffprog status`: how much is done, what failed, and how the driver at work gets on."""
    store = Store.from_environment()
    asked = needed()
    print(f"{study_name()}, in the store {store.shown}")
    by_kind = asked.keys()
    for stage, (kind, words) in KINDS.items():
        keys = by_kind.pop(kind)
        missing = keys - store.listing(kind)
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
