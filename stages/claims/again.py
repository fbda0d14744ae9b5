"""A verdict derived again: values from stored outcomes, and the whole analysis of its task on them."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import polars as pl

from analysis.schema import TableError
from pipelines.measuring import ALL
from stages import artifacts
from stages.analyse import of_task
from stages.artifacts import RUN
from stages.claims.rounding import near
from stages.errors import reason
from stages.making.values import measured_values
from stages.needed import measured_runs, values_of
from stages.part import read_part
from stages.records import Values
from stages.store.store import Store
from stages.study.preregistration import planned_audit

PLACE = ("task", "method", "model", "seed", "measurement")
WHERE = [*PLACE, "step", "part"]
MADE = {"value": "again", "standard_error": "again_se", "n": "again_n"}  # columns of RESULTS, and what is made again
Row = Mapping[str, Any]


@dataclass(frozen=True)
class Remade:
    """Values made again from stored outcomes: the tables RESULTS and REPLICATES with them in place of those held, how
    many they are, and what differs, by more than rounding and by rounding.
    """

    results: pl.DataFrame
    replicates: pl.DataFrame
    values: int
    differing: list[str]
    rounded: list[str]


def remade(task: str, names: Collection[str], store: Store) -> Remade:
    """These measurements of all finished runs of a task, made again."""
    runs = measured_runs().filter(task=task, role=RUN)
    places = {row["run"]: {name: row[name] for name in PLACE[:-1]} | {"step": row["steps"]} for row in runs.to_dicts()}
    rows, moved, whys = [], [], []
    for asked, found in _measured(runs, names, store):
        place = places[asked.run]
        for name, by_part in found["values"].items():
            for part, got in by_part.items():
                where = {**place, "measurement": name, "part": part}
                if isinstance(got, str):
                    whys.append({**where, "why": got})
                    continue
                beside = {"again_se": got[1], "again_n": got[2]} if part == ALL else {}
                rows.append({**where, "again": got[0], **beside})
        moved += [{**place, "measurement": name, "again": each} for name, each in found["replicates"].items()]
    schema = {name: artifacts.RESULTS.table.columns[name] for name in WHERE}
    why = pl.DataFrame(whys, schema={**schema, "why": pl.String})
    frame = pl.DataFrame(rows, schema={**schema, "again": pl.Float64, "again_se": pl.Float64, "again_n": pl.Int64})
    held = artifacts.RESULTS.read()
    ends = pl.DataFrame(list(places.values()), schema={name: schema[name] for name in (*PLACE[:-1], "step")})
    due = held.filter(pl.col("measurement").is_in(list(names))).join(ends, on=ends.columns, how="semi")
    gone = due.join(frame, on=WHERE, how="anti").join(why, on=WHERE, how="left")
    results = held.join(gone, on=WHERE, how="anti", maintain_order="left")
    results = results.join(frame, on=WHERE, how="left", maintain_order="left")
    differing, rounded = _differences(results, frame, gone)
    results = results.with_columns(pl.coalesce(again, name).alias(name) for name, again in MADE.items())
    replicates = artifacts.REPLICATES.read()
    deviations = pl.DataFrame(moved, schema={**{name: schema[name] for name in PLACE}, "again": pl.List(pl.Float64)})
    replicates = replicates.join(deviations, on=PLACE, how="left", maintain_order="left")
    replicates = replicates.with_columns(deviations=pl.coalesce("again", "deviations")).drop("again")
    return Remade(results.select(held.columns), replicates, len(frame), differing, rounded)


def analysed(task: str, results: pl.DataFrame, replicates: pl.DataFrame) -> dict[str, pl.DataFrame]:
    """The findings of a task on these tables, as stage `analyse` makes them."""
    beside = {
        "replicates": replicates,
        "agreement": artifacts.AGREEMENT.read(),
        "refined": artifacts.REFINED.read(),
        "provenance": artifacts.PROVENANCE.read(),
    }
    runs = artifacts.RUNS.read().filter(role=RUN)
    return of_task(task, results, runs, planned_audit(), beside, read_part())


def held_findings(task: str) -> dict[str, pl.DataFrame]:
    """The findings of a task as they were written. Raises TableError where there are none."""
    return {name: frame.filter(task=task) for name, frame in artifacts.findings().items()}


def row_differences(again: Row, held: Row) -> tuple[list[str], list[str]]:
    """What differs between two rows, each in words: by more than rounding, and by rounding."""
    differing: list[str] = []
    rounded: list[str] = []
    for name, value in held.items():
        if again[name] != value:
            both = isinstance(value, float) and isinstance(again[name], float)
            (rounded if both and near(again[name], value) else differing).append(
                f"{name} {again[name]!r}, {value!r} held"
            )
    return differing, rounded


def _measured(runs: pl.DataFrame, names: Collection[str], store: Store) -> Iterator[tuple[Values, dict[str, Any]]]:
    for asked in values_of(runs):
        metrics = {name: metric for name, metric in asked.metrics.items() if name in names}
        if metrics:
            stored = {key: store.read("cells", key) for key in asked.outcomes}
            found, failed = measured_values(replace(asked, metrics=metrics), stored)
            if failed:
                name, why = next(iter(failed.items()))
                raise TableError(f"{asked.run}: {name} can't be measured: {reason(why)}")
            yield asked, found


def _differences(joined: pl.DataFrame, again: pl.DataFrame, gone: pl.DataFrame) -> tuple[list[str], list[str]]:
    """Of the values made again, in words, those that are not the same, with their standard errors and numbers of
    examples, those that are not held at all, and those held that are `gone`.
    """
    differing = [
        f"{_place(row)}: no value ({row['why'] or 'not measured'}), {row['value']!r} held" for row in gone.to_dicts()
    ]
    rounded: list[str] = []
    made = joined.filter(pl.col("again").is_not_null())
    for name, new in MADE.items():
        for row in made.filter(pl.col(new).ne_missing(pl.col(name))).to_dicts():
            text = f"{_place(row)}: {name.replace('_', ' ')} {row[new]!r}, {row[name]!r} held"
            same = None not in (row[new], row[name]) and near(row[new], row[name])
            (rounded if same else differing).append(text)
    if len(made) != len(again):
        differing.append(f"{len(again) - len(made)} values that results.parquet does not have")
    return differing, rounded


def _place(row: Row) -> str:
    part = "" if row["part"] == ALL else f":{row['part']}"
    return f"{row['method']}/{row['model']}/{row['seed']}:{row['measurement']}{part}"
