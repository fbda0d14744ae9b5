"""Stage `measure`: metrics on stored outcomes, on Ray; every run's values logged to MLflow."""

import argparse
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray
from tqdm import tqdm

from cluster.fanout import Failed, Finished, Resources, fanout
from pipelines import parts
from pipelines.measuring import ALL, measure
from pipelines.outcomes import Measured, Outcomes
from stages import params, payloads, tables
from stages.agreement import agreements
from stages.identity import digest
from stages.lock import Work, locked
from stages.plan import CHECKPOINT, COMPANION, FOLDER
from stages.predict import OUTCOMES
from stages.snapshot import snapshot
from stages.store import Store
from stages.tracking import Tracking, values_digest
from stages.train import RUNS, reason

LOGGED = Path("logged.parquet")
REPLICATES = Path("replicates.parquet")
AGREEMENT = Path("agreement.parquet")
DRAWS = 200  # of test examples, the same for all runs: they give a standard error to one part in twenty


def main() -> None:
    """Measure what is missing, log every run to MLflow, then write logged.parquet, replicates.parquet and
    agreement.parquet.
    """
    runs = measured_runs()
    planned = tables.read(tables.PLANNED_MEASUREMENTS, FOLDER / "measurements.parquet")
    outcomes = tables.read(tables.OUTCOMES, OUTCOMES)
    conditions = tables.read(tables.PLANNED_CELLS, FOLDER / "cells.parquet")
    store = Store.from_environment()
    cells = keyed(runs, planned, outcomes, conditions)
    with locked(store, "measure") as work:
        done = store.all_done("values", (cell["values_key"] for cell in cells))
        measure_all([cell for cell in cells if cell["values_key"] not in done], store, work)
        log_all(runs, cells, planned, store)
        agreeing = [*agreements(runs, conditions, outcomes, store)]
    tables.write(agreeing, tables.AGREEMENT, AGREEMENT)


def sync(_: argparse.Namespace) -> int:
    """`diffprog sync`: log every run's stored values to MLflow again, as the stage does, and say how many there are."""
    runs = measured_runs()
    planned = tables.read(tables.PLANNED_MEASUREMENTS, FOLDER / "measurements.parquet")
    store = Store.from_environment()
    cells = keyed(runs, planned)
    with locked(store, "sync"):
        held = store.entries("values", (cell["values_key"] for cell in cells))
        logged = log_all(runs, cells, planned, store)
    print(f"MLflow holds {len(logged)} runs, from {len(held)} of {len(cells)} stored values")
    if len(held) < len(cells):
        print("the rest are not measured: `dvc repro` measures them")
    return 0


def measured_runs() -> pl.DataFrame:
    """The finished runs and checkpoints; companions are measured as the runs they stand by."""
    return tables.read(tables.RUNS, RUNS).filter(pl.col("status") == "finished", pl.col("role") != COMPANION)


def keyed(
    runs: pl.DataFrame,
    planned: pl.DataFrame,
    outcomes: pl.DataFrame | None = None,
    conditions: pl.DataFrame | None = None,
) -> list[dict[str, Any]]:
    """The finished cells that something is to be measured on, each with its metrics, the splits its examples are from,
    the cell of the same run that they refer to, if any, and the key of its values. The tables outcomes.parquet and
    plan/cells.parquet are read where they are not given.
    """
    outcomes = tables.read(tables.OUTCOMES, OUTCOMES) if outcomes is None else outcomes
    conditions = tables.read(tables.PLANNED_CELLS, FOLDER / "cells.parquet") if conditions is None else conditions
    splits = dict(conditions.select("condition", "splits").iter_rows())
    metrics: dict[tuple[str, str], dict[str, Any]] = {}
    references = {}
    for row in planned.iter_rows(named=True):
        spec = {"spec": json.loads(row["spec"]), "code": row["code"]}
        metrics.setdefault((row["domain"], row["condition"]), {})[row["measurement"]] = spec
        if row["reference"]:
            references[row["domain"], row["condition"]] = row["reference"]
    cells = []
    finished = outcomes.filter(pl.col("status") == "finished").join(runs.select("run", "domain"), on="run")
    keys = {tuple(place): key for *place, key in finished.select("run", "condition", "cell_key").iter_rows()}
    for row in finished.iter_rows(named=True):
        place = row["domain"], row["condition"]
        if place in metrics:
            cell = {name: row[name] for name in ("run", "domain", "condition", "cell_key")}
            cell |= {"metrics": metrics[place], "splits": splits[row["condition"]].split(",")}
            cell["reference_key"] = keys.get((row["run"], references.get(place)))
            cells.append({**cell, "values_key": digest({name: cell[name] for name in KEY})})
    return cells


KEY = ("cell_key", "metrics", "splits", "reference_key")


def measure_all(missing: list[dict[str, Any]], store: Store, work: Work) -> None:
    """Fan the cells out, a run's together, and store the values as they come."""
    if not missing:
        return
    compute = params.compute()
    by_run: dict[str, list[dict[str, Any]]] = {}
    for cell in missing:
        by_run.setdefault(cell["run"], []).append(cell)

    def resources(item: Mapping[str, Any]) -> Resources:
        return compute.measuring(item["cells"][0]["domain"])

    def items() -> Iterator[dict[str, Any]]:
        for cells in by_run.values():
            needed = {key for cell in cells for key in (cell["cell_key"], cell["reference_key"]) if key}
            outcomes = {} if store.shared else {key: store.read("cells", key) for key in sorted(needed)}
            yield {"cells": cells, "needed": sorted(needed), "outcomes": outcomes}

    work.begin(len(by_run), len(missing))
    with snapshot() as code:
        for result in fanout(
            measured,
            items(),
            total=len(by_run),
            shared=store.uri if store.shared else None,
            resources=resources,
            workers=compute.workers,
            code=code,
            title="measure",
        ):
            keep(result, store)
            work.advance(len(result.item["cells"]))


def measured(item: Mapping[str, Any], shared: str | None) -> list[bytes | None]:
    """In the worker: what each cell comes to (`cell_values`) as JSON. Where the worker reaches the store (`shared`, its
    address) it reads the outcomes there, writes the values there and returns none.
    """
    if not shared:
        return [values_bytes(cell, item["outcomes"]) for cell in item["cells"]]
    store = Store(shared)
    outcomes = {key: store.read("cells", key) for key in item["needed"]}
    for cell in item["cells"]:
        store_values(cell, values_bytes(cell, outcomes), store)
    return [None] * len(item["cells"])


def values_bytes(cell: Mapping[str, Any], stored: Mapping[str, bytes]) -> bytes:
    """What a cell comes to, as JSON."""
    return json.dumps(cell_values(cell, stored), sort_keys=True).encode()


def store_values(cell: Mapping[str, Any], payload: bytes, store: Store) -> None:
    """Store what a cell comes to."""
    store.write("values", cell["values_key"], payload, {"run": cell["run"], "condition": cell["condition"]})


def cell_values(cell: Mapping[str, Any], stored: Mapping[str, bytes]) -> dict[str, Any]:
    """One cell's values, `{measurement: {part: [value, standard error, n] or a reason}}`, its flags, and for each
    measurement, where they are known, the deviations of its value over draws of the test examples.
    """
    outcomes = payloads.outcomes_from(stored[cell["cell_key"]])
    if cell["reference_key"]:
        outcomes = replace(outcomes, reference=payloads.outcomes_from(stored[cell["reference_key"]]))
    draws = example_draws(outcomes, cell["splits"])
    values, replicates = {}, {}
    for name, metric in cell["metrics"].items():
        spec = metric["spec"]
        found = measure(outcomes, parts.load("pipelines.metrics", spec["use"], spec["options"]), scaled=spec["scaled"])
        values[name] = {
            part: [got.value, got.standard_error, got.n] if isinstance(got, Measured) else str(got)
            for part, got in found.items()
        }
        whole = found[ALL]
        if isinstance(whole, Measured) and whole.influence is not None:
            replicates[name] = [float(f"{deviation:.5g}") for deviation in whole.influence @ draws]
    return {"values": values, "flags": list(outcomes.flags), "replicates": replicates}


def example_draws(outcomes: Outcomes, splits: Sequence[str]) -> NDArray[np.float64]:
    """Standard normal weights of each row's example, [rows, DRAWS]: one example has the same ones in every run and
    under every condition that shows it. `splits`: where the labelled rows are from, then the outliers.
    """
    draws = np.empty((len(outcomes), DRAWS))
    outlying = outcomes.labels < 0
    for rows, split in ((~outlying, splits[0]), (outlying, splits[-1])):
        if rows.any():
            examples = outcomes.examples[rows]
            source = np.random.default_rng([*split.encode()])
            draws[rows] = source.standard_normal((int(examples.max()) + 1, DRAWS), dtype=np.float32)[examples]
    return draws


def keep(result: Finished | Failed, store: Store) -> None:
    """Store each cell's values, where the worker has not, or why there are none."""
    for position, cell in enumerate(result.item["cells"]):
        if isinstance(result, Finished):
            if (payload := result.value[position]) is not None:
                store_values(cell, payload, store)
            store.forget_failure("values", cell["values_key"])
        else:
            failure = {"error": result.error, "message": result.message, "traceback": result.traceback}
            store.write_failure("values", cell["values_key"], {"run": cell["run"], **failure})


def log_all(runs: pl.DataFrame, cells: list[dict[str, Any]], planned: pl.DataFrame, store: Store) -> pl.DataFrame:
    """Log every run's values to MLflow, and write logged.parquet, which is returned, and replicates.parquet."""
    study = params.study_name()
    by_run: dict[str, list[dict[str, Any]]] = {}
    for cell in cells:
        by_run.setdefault(cell["run"], []).append(cell)
    rows: list[dict[str, Any]] = []
    replicates: list[dict[str, Any]] = []
    found = {run: gathered(by_run.get(run, []), store) for run in runs["run"]}
    values = {key: values_digest(found[run][0]) for run, key in runs.select("run", "run_key").iter_rows()}
    tracking = Tracking(study, digest([values, planned.to_dicts()]))
    for run in tqdm(list(runs.iter_rows(named=True)), desc="log", unit="run", dynamic_ncols=True):
        metrics, unmeasured, flags, deviations = found[run["run"]]
        if run["role"] != CHECKPOINT:
            same = {name: run[name] for name in tables.REPLICATES.key[:-1]}
            replicates += [{**same, "measurement": name, "deviations": each} for name, each in deviations.items()]
        logged = tracking.log(run["run_key"], run["run"], logged_params(run), metrics, run["steps"])
        rows.append(
            {
                "run": run["run"],
                "run_key": run["run_key"],
                "mlflow_run_id": logged.run_id,
                "values": logged.values_digest,
                "metrics": len(metrics),
                "flags": json.dumps(flags, sort_keys=True),
                "unmeasured": json.dumps(unmeasured, sort_keys=True),
            }
        )
    tracking.settle()
    tables.write(replicates, tables.REPLICATES, REPLICATES)
    return tables.write(rows, tables.LOGGED, LOGGED)


def gathered(
    cells: list[dict[str, Any]], store: Store
) -> tuple[dict[str, float], dict[str, str], dict[str, list[str]], dict[str, list[float]]]:
    """A run's values by MLflow name, the reasons of what has none, the flags of each condition, and the deviations of
    each measurement over draws of the test examples.
    """
    metrics: dict[str, float] = {}
    deviations: dict[str, list[float]] = {}
    unmeasured: dict[str, str] = {}
    flags: dict[str, list[str]] = {}
    for cell in cells:
        if not store.entry("values", cell["values_key"]):
            unmeasured |= dict.fromkeys(cell["metrics"], reason(store.failure("values", cell["values_key"])))
            continue
        stored = json.loads(store.read("values", cell["values_key"]))
        deviations |= stored["replicates"]
        if stored["flags"]:
            flags[cell["condition"]] = stored["flags"]
        for measurement, by_part in stored["values"].items():
            for part, got in by_part.items():
                name = measurement if part == ALL else f"{measurement}/{part}"
                if isinstance(got, str):
                    unmeasured[name] = got
                    continue
                value, error, n = got
                metrics[name] = value
                if part == ALL:  # of a part, the value alone: three times as many metrics would slow MLflow down
                    metrics[f"n/{name}"] = float(n)
                    metrics |= {} if error is None else {f"standard_error/{name}": error}
    return metrics, unmeasured, flags, deviations


def logged_params(run: Mapping[str, Any]) -> dict[str, Any]:
    """What MLflow shows of a run beside its values."""
    shown = {
        name: run[name] for name in ("domain", "dataset", "method", "model", "family", "seed", "parameters", "flops")
    }
    spec = json.loads(run["spec"])
    options = {f"method.{name}": value for name, value in spec["method"]["options"].items()}
    return {**shown, **options, **{f"training.{name}": value for name, value in spec["training"].items()}}
