"""What a plan needs of the store, made of the plan's tables: the one place where keys are made."""

import json
from collections.abc import Iterable, Iterator, Mapping, Set
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

import polars as pl

from analysis.schema import TableError
from stages import artifacts
from stages.artifacts import CHECKPOINT, SIBLING
from stages.cohorts import shared_spec
from stages.records import Cell, Run, Training, Values
from stages.store.digests import digest_but_for
from stages.store.keys import digest

Row = Mapping[str, Any]
SAME_RUN = ("task", "method", "model", "seed")  # what a run has in common with its checkpoints and sibling models
RUNS_AT_ONCE = 2000  # whose cells and values are held at once
LOOKED_AT = ("run", "run_key", "role", "sibling", *SAME_RUN)  # of a run, to key its cells and values


def planned_runs(planned: pl.DataFrame, data: Mapping[str, Any]) -> list[Run]:
    """The runs of the table PLANNED_RUNS, each with its key: what it is made from, its training data's digests and its
    code. `data` is what data.json says.
    """
    return [_run(row, data) for row in planned.iter_rows(named=True)]


def _run(row: Row, data: Mapping[str, Any]) -> Run:
    splits = {name: data[row["task"]]["splits"][name]["digest"] for name in row["splits"].split(",")}
    training = digest({"spec": json.loads(row["spec"]), "splits": splits, "code": row["code"]})
    key = training if row["role"] != CHECKPOINT else digest({"run": training, "step": row["at_step"]})
    same = {name: row[name] for name in row if name not in ("steps", "flops", "splits")}
    planned = {"planned_steps": row["steps"], "planned_flops": row["flops"]}
    return Run(key=key, training=training, splits=splits, **planned, **same)


def trainings(missing: Iterable[Run]) -> list[Training]:
    """What to train for the missing runs, the longest first: a run and its checkpoints are one training."""
    found: dict[str, tuple[Run, dict[int | None, str]]] = {}
    for run in missing:
        found.setdefault(run.training, (run, {}))[1][run.at_step] = run.key
    every = [Training(run, keys) for run, keys in found.values()]
    return sorted(every, key=lambda training: (-training.run.planned_flops, training.run.run))


def cohorts(every: Iterable[Training]) -> list[tuple[Training, ...]]:
    """The trainings, those together that are of one cohort, each where its first one is."""
    found: dict[Any, list[Training]] = {}
    for training in every:
        spec = json.loads(training.run.spec)
        which = shared_spec(spec) if "cohort" in spec else training.run.run
        found.setdefault((training.run.task, which), []).append(training)
    return [tuple(some) for some in found.values()]


def planned_cells(runs: pl.DataFrame, planned: pl.DataFrame, data: Mapping[str, Any]) -> list[Cell]:
    """Every finished run of the table RUNS under every condition of its task, and every checkpoint under those it is
    to meet. `planned` is the table PLANNED_CELLS, `data` what data.json says.
    """
    finished = runs.filter(pl.col("status") == "finished")
    of_siblings = runs.filter(role=SIBLING).select(*SAME_RUN, "sibling", "run_key")
    siblings = {tuple(which): key for *which, key in of_siblings.iter_rows()}
    common = {}
    for row in planned.iter_rows(named=True):
        examples = data[row["task"]]["conditions"][row["condition"]]["digest"]
        about = {"spec": json.loads(row["spec"]), "examples": examples, "code": row["code"]}
        key_of = digest_but_for({"condition": about["spec"], "examples": examples, "code": row["code"]}, "run")
        common[row["task"], row["condition"]] = about, key_of
    of_plan = planned.select("task", "domain", "condition", "checkpoints", has_sibling="sibling")
    of_runs = finished.filter(pl.col("role") != SIBLING).select("run", "run_key", "role", *SAME_RUN)
    cells = []
    for row in of_runs.join(of_plan, on="task").iter_rows(named=True):
        if row["role"] == CHECKPOINT and not row["checkpoints"]:
            continue
        which = (*(row[name] for name in SAME_RUN), row["condition"])
        model = siblings[which] if row["has_sibling"] else row["run_key"]
        about, key_of = common[row["task"], row["condition"]]
        named = {name: row[name] for name in ("run", "run_key", "task", "domain", "condition")}
        cells.append(Cell(key=key_of(model), model_key=model, **named, **about))
    return cells


def planned_values(
    runs: pl.DataFrame, planned: pl.DataFrame, outcomes: pl.DataFrame, conditions: pl.DataFrame
) -> list[Values]:
    """What is to be measured of these runs: of each finished row of the table OUTCOMES on which there is something to
    measure. `planned` is the table PLANNED_MEASUREMENTS, `conditions` the table PLANNED_CELLS.
    """
    splits = {tuple(place): names for *place, names in conditions.select("task", "condition", "splits").iter_rows()}
    metrics: dict[tuple[str, str], dict[str, Any]] = {}
    references = {}
    for row in planned.iter_rows(named=True):
        place = row["task"], row["condition"]
        metrics.setdefault(place, {})[row["measurement"]] = {"spec": json.loads(row["spec"]), "code": row["code"]}
        if row["reference"]:
            references[place] = row["reference"]
    common = {}
    for place, asked in metrics.items():
        about = {"metrics": asked, "splits": splits[place].split(",")}
        common[place] = about, digest_but_for(about, "cell_key", "reference_key")
    finished = outcomes.filter(pl.col("status") == "finished").join(runs.select("run", "task"), on="run")
    keys = {tuple(which): key for *which, key in finished.select("run", "condition", "cell_key").iter_rows()}
    found = []
    for row in finished.iter_rows(named=True):
        place = row["task"], row["condition"]
        if place in metrics:
            about, key_of = common[place]
            reference = keys.get((row["run"], references[place])) if place in references else None
            found.append(
                Values(
                    key=key_of(row["cell_key"], reference),
                    **{name: row[name] for name in ("run", "task", "condition", "cell_key", "environment")},
                    metrics=about["metrics"],
                    splits=tuple(about["splits"]),
                    reference_key=reference,
                )
            )
    return found


def measured_runs() -> pl.DataFrame:
    """The finished runs and checkpoints; sibling models are measured as the runs they are of."""
    return artifacts.RUNS.read().filter(pl.col("status") == "finished", pl.col("role") != SIBLING)


def values_of(runs: pl.DataFrame) -> list[Values]:
    """What is to be measured of these runs, by the tables in this folder."""
    return planned_values(
        runs, artifacts.PLANNED_MEASUREMENTS.read(), artifacts.OUTCOMES.read(), artifacts.PLANNED_CELLS.read()
    )


def digests_of(described: Mapping[str, Any]) -> set[str]:
    """The digests of all splits and examples of a task in data.json."""
    return {part["digest"] for kind in ("splits", "conditions") for part in described[kind].values()}


@dataclass(frozen=True)
class Needed:
    """What a plan needs of the store, whether it is there or not: data by digest, the rest with its key.

    runs: those of one method, model and seed together.
    """

    data: set[str]
    runs: list[Run]
    conditions: pl.DataFrame
    measurements: pl.DataFrame
    described: Mapping[str, Any]

    @property
    def cells(self) -> list[Cell]:
        """Of all runs as if they had finished."""
        return [cell for cells, _ in self.pieces() for cell in cells]

    @property
    def values(self) -> list[Values]:
        """Of all cells as if they had finished."""
        return [each for _, values in self.pieces() for each in values]

    def keys(self) -> dict[str, set[str]]:
        """Those of `runs`, `cells` and `values`."""
        found: dict[str, set[str]] = {"runs": {run.key for run in self.runs}, "cells": set(), "values": set()}
        for cells, values in self.pieces():
            found["cells"].update(cell.key for cell in cells)
            found["values"].update(each.key for each in values)
        return found

    def waiting(self, runs: Set[str], cells: Set[str]) -> dict[str, set[str]]:
        """The keys of `runs`, `cells` and `values` that can't be made for want of these runs and cells."""
        found: dict[str, set[str]] = {"runs": set(), "cells": set(), "values": set()}
        for of_piece, values in self.pieces() if runs or cells else ():
            found["cells"].update(cell.key for cell in of_piece if {cell.run_key, cell.model_key} & runs)
            lost = found["cells"] | cells
            found["values"].update(each.key for each in values if not lost.isdisjoint(each.outcomes))
        return found

    def pieces(self) -> Iterator[tuple[list[Cell], list[Values]]]:
        """The cells and values of some runs at a time: of a large sweep there are millions."""
        piece: list[Run] = []
        for _, together in groupby(self.runs, key=_same_run):
            piece += together
            if len(piece) >= RUNS_AT_ONCE:
                yield self._of(piece)
                piece = []
        if piece:
            yield self._of(piece)

    def _of(self, runs: list[Run]) -> tuple[list[Cell], list[Values]]:
        schema = {name: artifacts.RUNS.table.columns[name] for name in LOOKED_AT}
        held = {name: [run.key if name == "run_key" else getattr(run, name) for run in runs] for name in schema}
        finished = pl.DataFrame(held, schema=schema).with_columns(status=pl.lit("finished"))
        cells = planned_cells(finished, self.conditions, self.described)
        columns = {name: [getattr(cell, name) for cell in cells] for name in ("run", "run_key", "condition")}
        outcomes = pl.DataFrame({**columns, "cell_key": [cell.key for cell in cells]})
        outcomes = outcomes.with_columns(status=pl.lit("finished"), environment=pl.lit(""))
        measured = finished.filter(pl.col("role") != SIBLING)
        return cells, planned_values(measured, self.measurements, outcomes, self.conditions)


def row_of(run: Run) -> dict[str, Any]:
    """What the table RUNS has of a run before it is trained."""
    shared = [name for name in artifacts.RUNS.table.columns if name in Run.__slots__]
    return {**{name: getattr(run, name) for name in shared}, "run_key": run.key}


def _same_run(run: Run) -> tuple[Any, ...]:
    return tuple(getattr(run, name) for name in SAME_RUN)


def made_from(planned: Mapping[str, Any], about: Mapping[str, Any]) -> str:
    """The digest of what the data and the examples of a task are made from, but for code and files; `about` is what
    the data's shape says, by which models are planned.
    """
    return digest({**planned, "about": dict(about)})


def data_of(runs: pl.DataFrame, folder: Path = Path()) -> dict[str, Any]:
    """What data.json in a folder says. `runs` is the table PLANNED_RUNS or RUNS of the plan there. Raises TableError
    where the data are another plan's, or were edited after it.
    """
    data, planned = artifacts.prepared_data(folder), artifacts.read_planned(folder / artifacts.PLANNED_DATA)
    for task, spec in runs.unique("task").select("task", "spec").sort("task").iter_rows():
        asked = made_from(planned[task], json.loads(spec)["data"]) if task in planned else None
        if asked is None or data.get(task, {}).get("made_from") != asked:
            raise TableError(
                f"{folder / artifacts.DATA}: {task}: not the data of this plan; `dvc repro prepare` makes them, `dvc "
                "repro --force prepare` where they were edited and DVC does not see it"
            )
    return data


def needed(folder: Path = Path()) -> Needed:
    """What the plan in a folder needs. Raises TableError where its tables or its data are not there."""
    planned = artifacts.PLANNED_RUNS.read(folder)
    conditions = artifacts.PLANNED_CELLS.read(folder)
    measurements = artifacts.PLANNED_MEASUREMENTS.read(folder)
    return of_plan(planned, conditions, measurements, data_of(planned, folder))


def of_plan(
    planned: pl.DataFrame, conditions: pl.DataFrame, measurements: pl.DataFrame, data: Mapping[str, Any]
) -> Needed:
    """What a plan's tables need, with the data that data.json describes."""
    runs = sorted(planned_runs(planned, data), key=_same_run)
    return Needed(set[str]().union(*map(digests_of, data.values())), runs, conditions, measurements, data)
