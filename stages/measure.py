"""Stage `measure`: metrics on stored outcomes, on Ray; every run's values logged to MLflow."""

import argparse
import json
import traceback
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
from tqdm import tqdm

from cluster.fanout import Failed, Finished, Resources, fanout
from pipelines.measuring import example_draws, modules, values_of
from stages import failed, tables
from stages.agreement import agreements, compared
from stages.plan import CHECKPOINT, COMPANION, FOLDER
from stages.planned import study_name
from stages.predict import OUTCOMES, predict_again
from stages.run_values import RunValues
from stages.store import codecs, provenance
from stages.store.code_snapshot import Planned, snapshot
from stages.store.digests import digest_but_for
from stages.store.keys import digest
from stages.store.lock import Work, locked
from stages.store.provenance import ENVIRONMENT
from stages.store.store import Store
from stages.study import params
from stages.tracking import Tracking, values_digest
from stages.train import RUNS, environment_of, write_failures

LOGGED = Path("logged.parquet")
REPLICATES = Path("replicates.parquet")
AGREEMENT = Path("agreement.parquet")
FAILURES = failed.path("measure")


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
    with locked(store, "measure", wait=True) as work:
        done = store.all_done("values", (cell["values_key"] for cell in cells)) - store.failing("values")
        missing = [cell for cell in cells if cell["values_key"] not in done]
        looked_at = [key for cell in missing for key in (cell["cell_key"], cell["reference_key"]) if key]
        predict_again([*looked_at, *compared(runs, conditions, outcomes)["cell_key"]], store, work)
        measure_all(missing, store, work)
        log_all(runs, cells, planned, store)
        agreeing = [*agreements(runs, conditions, outcomes, store)]
    tables.write(agreeing, tables.AGREEMENT, AGREEMENT)
    failing = store.failing("values")
    failed = [cell for cell in cells if cell["values_key"] in failing]
    names = [(f"{cell['run']} under {cell['condition']}", "values", cell["values_key"]) for cell in failed]
    write_failures(names, store, FAILURES)


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
        print("the rest are not in the store: `dvc repro --force --single-item measure` measures them")
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
    common = {}
    for place, asked in metrics.items():
        about = {"metrics": asked, "splits": splits[place[1]].split(",")}
        common[place] = about, digest_but_for(about, "cell_key", "reference_key")
    for row in finished.iter_rows(named=True):
        place = row["domain"], row["condition"]
        if place in metrics:
            about, key_of = common[place]
            reference = keys.get((row["run"], references[place])) if place in references else None
            cell = {name: row[name] for name in ("run", "domain", "condition", "cell_key", ENVIRONMENT)}
            values_key = key_of(row["cell_key"], reference)
            cells.append({**cell, **about, "reference_key": reference, "values_key": values_key})
    return cells


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
    with snapshot(metric_codes(missing)) as code:
        for result in fanout(
            measured,
            items(),
            total=len(by_run),
            shared={"store": store.uri if store.shared else None, "checkout": provenance.checkout()},
            resources=resources,
            workers=compute.workers,
            code=code,
            title="measure",
        ):
            keep(result, store)
            work.advance(len(result.item["cells"]))


def metric_codes(cells: Iterable[Mapping[str, Any]]) -> Iterator[Planned]:
    """The code that these cells are planned to be measured with."""
    for cell in cells:
        for name, metric in cell["metrics"].items():
            yield f"measurement {name}", modules(metric["spec"]["use"]), metric["code"]


def measured(item: Mapping[str, Any], shared: Mapping[str, Any]) -> list[dict[str, Any]]:
    """In the worker: of each cell the values as JSON, what failed, by measurement, and the facts of its record. Where
    the worker reaches the store it reads the outcomes there, and writes the values there.
    """
    store = Store(shared["store"]) if shared["store"] else None
    outcomes = {key: store.read("cells", key) for key in item["needed"]} if store else item["outcomes"]
    environment = environment_of("cpu", shared["checkout"])
    results = []
    for cell in item["cells"]:
        values, failed = cell_values(cell, outcomes)
        facts = {"run": cell["run"], "condition": cell["condition"], ENVIRONMENT: environment}
        found = {"values": json.dumps(values, sort_keys=True).encode(), "failed": failed, "facts": facts}
        if store:
            store_values(cell, found, store)
            del found["values"]
        results.append(found)
    return results


def store_values(cell: Mapping[str, Any], found: Mapping[str, Any], store: Store) -> None:
    """Store a cell's values, in place of those that an earlier try left incomplete."""
    store.write("values", cell["values_key"], found["values"], found["facts"], again=True)


def cell_values(
    cell: Mapping[str, Any], stored: Mapping[str, bytes]
) -> tuple[dict[str, Any], dict[str, dict[str, str]]]:
    """One cell's values, `{measurement: {part: [value, standard error, n] or a reason}}`, its flags, and for each
    measurement, where they are known, the deviations of its value over draws of the test examples; and, of each
    measurement whose metric raised an error, that error.
    """
    outcomes = codecs.outcomes_from(stored[cell["cell_key"]])
    if cell["reference_key"]:
        outcomes = replace(outcomes, reference=codecs.outcomes_from(stored[cell["reference_key"]]))
    draws = example_draws(outcomes, cell["splits"])
    values, replicates, failed = {}, {}, {}
    for name, metric in cell["metrics"].items():
        spec = metric["spec"]
        try:
            found = values_of(outcomes, spec["use"], spec["options"], draws, scaled=spec["scaled"])
        except Exception as error:
            failed[name] = {"error": type(error).__name__, "message": str(error), "traceback": traceback.format_exc()}
            continue
        values[name], deviations = found
        if deviations is not None:
            replicates[name] = deviations
    return {"values": values, "flags": list(outcomes.flags), "replicates": replicates}, failed


def keep(result: Finished | Failed, store: Store) -> None:
    """Store each cell's values, where the worker has not, and what failed."""
    for position, cell in enumerate(result.item["cells"]):
        where = {name: cell[name] for name in ("run", "condition")}
        if isinstance(result, Failed):
            failure = {name: getattr(result, name) for name in ("error", "message", "traceback")}
            store.write_failure("values", cell["values_key"], {**where, **failure, "measurements": [*cell["metrics"]]})
            continue
        found = result.value[position]
        if "values" in found:
            store_values(cell, found, store)
        if not found["failed"]:
            store.forget_failure("values", cell["values_key"])
            continue
        (first, failure), *_ = found["failed"].items()
        failure = {**failure, "message": f"{first}: {failure['message']}", "measurements": [*found["failed"]]}
        store.write_failure("values", cell["values_key"], {**where, **failure})


def plan_digest(values: Mapping[str, str], planned: pl.DataFrame) -> str:
    """What MLflow's parent run stands for: these values of runs, by key, and measurements (a metric's range is in its
    code's digest).
    """
    return digest([values, planned.drop("lower", "upper").to_dicts()])


def log_all(runs: pl.DataFrame, cells: list[dict[str, Any]], planned: pl.DataFrame, store: Store) -> pl.DataFrame:
    """Log every run's values to MLflow, and write logged.parquet, which is returned, and replicates.parquet."""
    by_run: dict[str, list[dict[str, Any]]] = {}
    for cell in cells:
        by_run.setdefault(cell["run"], []).append(cell)
    rows: list[dict[str, Any]] = []
    replicates: list[dict[str, Any]] = []
    failing = store.failing("values")
    every = {run: RunValues.of(by_run.get(run, []), store, failing) for run in runs["run"]}
    values = {key: values_digest(every[run].metrics) for run, key in runs.select("run", "run_key").iter_rows()}
    tracking = Tracking(study_name(), plan_digest(values, planned))
    for run in tqdm(list(runs.iter_rows(named=True)), desc="log", unit="run", dynamic_ncols=True):
        found = every[run["run"]]
        if run["role"] != CHECKPOINT:
            same = {name: run[name] for name in tables.REPLICATES.key[:-1]}
            replicates += [{**same, "measurement": name, "deviations": each} for name, each in found.deviations.items()]
        predicted = {cell[ENVIRONMENT] for cell in by_run.get(run["run"], [])}
        made_with = {"train": {run[ENVIRONMENT]}, "predict": predicted, "measure": found.environments}
        environments = {stage: sorted(which - {""}) for stage, which in made_with.items()}
        tags = {f"environment.{stage}": json.dumps(each) for stage, each in environments.items()}
        logged = tracking.log(run["run_key"], run["run"], logged_params(run), found.metrics, run["steps"], tags)
        rows.append(
            {
                "run": run["run"],
                "run_key": run["run_key"],
                "mlflow_run_id": logged.run_id,
                "values": logged.values_digest,
                "metrics": len(found.metrics),
                "flags": json.dumps(found.flags, sort_keys=True),
                "unmeasured": json.dumps(found.unmeasured, sort_keys=True),
                "environments": json.dumps(environments, sort_keys=True),
            }
        )
    tracking.settle()
    tables.write(replicates, tables.REPLICATES, REPLICATES)
    return tables.write(rows, tables.LOGGED, LOGGED)


def logged_params(run: Mapping[str, Any]) -> dict[str, Any]:
    """What MLflow shows of a run beside its values."""
    shown = {
        name: run[name] for name in ("domain", "dataset", "method", "model", "family", "seed", "parameters", "flops")
    }
    spec = json.loads(run["spec"])
    options = {f"method.{name}": value for name, value in spec["method"]["options"].items()}
    return {**shown, **options, **{f"training.{name}": value for name, value in spec["training"].items()}}
