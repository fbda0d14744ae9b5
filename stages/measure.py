"""Stage `measure`: metrics on stored outcomes, on Ray; every run's values logged to MLflow."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import polars as pl
from tqdm import tqdm

from cluster.fanout import Failed, Finished, Resources, fanout
from pipelines import parts
from pipelines.measuring import ALL, measure
from pipelines.outcomes import Measured
from stages import params, payloads, tables
from stages.identity import digest
from stages.plan import FOLDER
from stages.predict import OUTCOMES
from stages.snapshot import snapshot
from stages.store import Store
from stages.tracking import Tracking
from stages.train import RUNS, reason

LOGGED = Path("logged.parquet")


def main() -> None:
    """Measure what is missing, log every run to MLflow, then write logged.parquet."""
    runs = tables.read(tables.RUNS, RUNS).filter(pl.col("status") == "finished")
    planned = tables.read(tables.PLANNED_MEASUREMENTS, FOLDER / "measurements.parquet")
    outcomes = tables.read(tables.OUTCOMES, OUTCOMES)
    store = Store.from_environment()
    cells = keyed(runs, outcomes, planned)
    measure_all([cell for cell in cells if not store.done("values", cell["values_key"])], store)
    tables.write(log_all(runs, cells, planned, store), tables.LOGGED, LOGGED)


def keyed(runs: pl.DataFrame, outcomes: pl.DataFrame, planned: pl.DataFrame) -> list[dict[str, Any]]:
    """The finished cells that something is to be measured on, each with its metrics and the key of its values."""
    metrics: dict[tuple[str, str], dict[str, Any]] = {}
    for row in planned.iter_rows(named=True):
        spec = {"spec": json.loads(row["spec"]), "code": row["code"]}
        metrics.setdefault((row["domain"], row["condition"]), {})[row["measurement"]] = spec
    cells = []
    finished = outcomes.filter(pl.col("status") == "finished").join(runs.select("run", "domain"), on="run")
    for row in finished.iter_rows(named=True):
        wanted = metrics.get((row["domain"], row["condition"]))
        if wanted:
            cell = {name: row[name] for name in ("run", "condition", "cell_key")}
            cells.append(
                {**cell, "metrics": wanted, "values_key": digest({"cell": row["cell_key"], "metrics": wanted})}
            )
    return cells


def measure_all(missing: list[dict[str, Any]], store: Store) -> None:
    """Fan the cells out, a run's together, and store the values as they come."""
    if not missing:
        return
    by_run: dict[str, list[dict[str, Any]]] = {}
    for cell in missing:
        by_run.setdefault(cell["run"], []).append(cell)

    def items() -> Iterator[dict[str, Any]]:
        for cells in by_run.values():
            yield {"cells": cells, "outcomes": [store.read("cells", cell["cell_key"]) for cell in cells]}

    with snapshot() as code:
        for result in fanout(
            measured, items(), total=len(by_run), resources=Resources(**params.compute()), code=code, title="measure"
        ):
            keep(result, store)


def measured(item: Mapping[str, Any], shared: None) -> list[dict[str, Any]]:
    """In the worker: the values of each cell, `{measurement: {part: [value, standard error, n] or a reason}}`."""
    return [
        cell_values(cell["metrics"], payload) for cell, payload in zip(item["cells"], item["outcomes"], strict=True)
    ]


def cell_values(metrics: Mapping[str, Any], payload: bytes) -> dict[str, Any]:
    """The values of one cell's metrics, and its flags."""
    outcomes = payloads.outcomes_from(payload)
    values = {}
    for name, metric in metrics.items():
        found = measure(outcomes, parts.load("pipelines.metrics", metric["spec"]["use"], metric["spec"]["options"]))
        values[name] = {
            part: [got.value, got.standard_error, got.n] if isinstance(got, Measured) else str(got)
            for part, got in found.items()
        }
    return {"values": values, "flags": list(outcomes.flags)}


def keep(result: Finished | Failed, store: Store) -> None:
    """Store each cell's values, or why there are none."""
    for position, cell in enumerate(result.item["cells"]):
        if isinstance(result, Finished):
            payload = json.dumps(result.value[position], sort_keys=True).encode()
            store.write("values", cell["values_key"], payload, {"run": cell["run"], "condition": cell["condition"]})
            store.forget_failure("values", cell["values_key"])
        else:
            failure = {"error": result.error, "message": result.message, "traceback": result.traceback}
            store.write_failure("values", cell["values_key"], {"run": cell["run"], **failure})


def log_all(
    runs: pl.DataFrame, cells: list[dict[str, Any]], planned: pl.DataFrame, store: Store
) -> list[dict[str, Any]]:
    """Log every run's values to MLflow; the rows of logged.parquet."""
    study = params.study_name()
    tracking = Tracking(study, digest([sorted(runs["run_key"]), planned.to_dicts()]))
    by_run: dict[str, list[dict[str, Any]]] = {}
    for cell in cells:
        by_run.setdefault(cell["run"], []).append(cell)
    rows = []
    for run in tqdm(list(runs.iter_rows(named=True)), desc="log", unit="run", dynamic_ncols=True):
        metrics, unmeasured, flags = gathered(by_run.get(run["run"], []), store)
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
    return rows


def gathered(
    cells: list[dict[str, Any]], store: Store
) -> tuple[dict[str, float], dict[str, str], dict[str, list[str]]]:
    """A run's values by MLflow name, the reasons of what has none, and the flags of each condition."""
    metrics: dict[str, float] = {}
    unmeasured: dict[str, str] = {}
    flags: dict[str, list[str]] = {}
    for cell in cells:
        if not store.entry("values", cell["values_key"]):
            unmeasured |= dict.fromkeys(cell["metrics"], reason(store.failure("values", cell["values_key"])))
            continue
        stored = json.loads(store.read("values", cell["values_key"]))
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
    return metrics, unmeasured, flags


def logged_params(run: Mapping[str, Any]) -> dict[str, Any]:
    """What MLflow shows of a run beside its values."""
    shown = {
        name: run[name] for name in ("domain", "dataset", "method", "model", "family", "seed", "parameters", "flops")
    }
    spec = json.loads(run["spec"])
    options = {f"method.{name}": value for name, value in spec["method"]["options"].items()}
    return {**shown, **options, **{f"training.{name}": value for name, value in spec["training"].items()}}
