"""Stage `collect`: the runs read back from MLflow, counted and checked, as results.parquet."""

import json
from collections.abc import Collection, Iterator, Mapping
from typing import Any

import polars as pl

from analysis.tables import FACTS
from pipelines.measuring import ALL
from pipelines.outcomes import COLLAPSED
from stages import artifacts
from stages.artifacts import CHECKPOINT, RUN
from stages.errors import TrackingError
from stages.needed import SAME_RUN, measured_runs
from stages.tracking import Tracking
from stages.tracking_run import Logged

LEAK = "leak"


def main() -> None:
    """Read every logged run back and write results.parquet and provenance.parquet. Raises TrackingError where MLflow
    lost or changed one.
    """
    runs = measured_runs()
    planned = artifacts.PLANNED_MEASUREMENTS.read()
    logged = artifacts.LOGGED.read()
    held = Tracking(artifacts.study_name(), "").read()
    check(logged, held)
    at = {row["run"]: row for row in logged.to_dicts()}
    measurements = {(row["task"], row["measurement"]): row for row in planned.iter_rows(named=True)}
    rows: dict[str, list[dict[str, Any]]] = {}
    for run in runs.iter_rows(named=True):
        row = at[run["run"]]
        values = held[row["run_key"], row["values"]].values.by_step[run["steps"]]
        rows[run["run"]] = list(results(run, values, measurements, json.loads(row["flags"])))
    left_out = without_end(runs, rows)
    results_table = artifacts.RESULTS.write([row for run, own in rows.items() if run not in left_out for row in own])
    kept = [run for run in runs.iter_rows(named=True) if run["run"] not in left_out]
    environments = {name: json.loads(row["environments"]) for name, row in at.items()}  # MLflow: of who logged it first
    artifacts.PROVENANCE.write([made for run in kept for made in provenance(run, environments[run["run"]])])
    print(f"{len(results_table)} values of {len(kept)} runs read back from MLflow")
    for line in artifacts.without_value(artifacts.unmeasured()):
        print(line)
    if left_out:
        print(f"left out, as nothing could be measured at the end of their runs: {', '.join(left_out)}")


def without_end(runs: pl.DataFrame, measured: Mapping[str, Collection[Any]]) -> list[str]:
    """The checkpoints with values whose run has none at its end, where it would be judged by them. `runs` has rows of
    the table RUNS, `measured` the values of each.
    """
    ended = {tuple(run[name] for name in SAME_RUN) for run in runs.filter(role=RUN).to_dicts() if measured[run["run"]]}
    return [
        row["run"]
        for row in runs.filter(role=CHECKPOINT).to_dicts()
        if measured[row["run"]] and tuple(row[name] for name in SAME_RUN) not in ended
    ]


def check(logged: pl.DataFrame, held: Mapping[tuple[str, str | None], Logged]) -> None:
    """Raise TrackingError unless MLflow holds each run with the values that were logged."""
    missing = [row["run"] for row in logged.iter_rows(named=True) if (row["run_key"], row["values"]) not in held]
    if missing:
        raise TrackingError(
            f"MLflow has lost or changed {len(missing)} of {len(logged)} runs, the first {missing[0]}; "
            "`dvc repro --force measure` logs them again from the store"
        )


def provenance(run: Mapping[str, Any], environments: Mapping[str, list[str]]) -> Iterator[dict[str, Any]]:
    """A row for every environment that a stage's records of a run were made with."""
    about = {name: run[name] for name in ("task", "domain", "dataset", "method", "model", "seed")}
    for stage in ("train", "predict", "measure"):
        for environment in environments.get(stage, []):
            yield {**about, "step": run["steps"], "stage": stage, "environment": environment}


def results(
    run: Mapping[str, Any],
    metrics: Mapping[str, float],
    measurements: Mapping[tuple[str, str], Any],
    flags: Mapping[str, list[str]],
) -> Iterator[dict[str, Any]]:
    """A row for every value of a run, with the flags of its condition, those that are the whole run's, and `leak` where
    the method's code holds some of that which makes the examples.
    """
    everywhere = [flag for flag in (COLLAPSED,) if any(flag in of_condition for of_condition in flags.values())]
    about = {
        name: run[name]
        for name in ("task", "domain", "dataset", "method", "model", "family", "parameters", "flops", "seed")
    }
    for name, value in metrics.items():
        if name.startswith(("n/", "standard_error/")):
            continue
        measurement, _, part = name.partition("/")[2].partition("/")
        row = measurements[run["task"], f"{name.partition('/')[0]}/{measurement}"]
        leak = [LEAK] if run["method"] in row["leaks"].split(",") else []
        yield {
            **about,
            "step": run["steps"],
            **{key: row[key] for key in ("measurement", "metric", "condition", "axis", "pillar", *FACTS)},
            "part": part or ALL,
            "value": value,
            "standard_error": metrics.get(f"standard_error/{name}"),
            "n": int(metrics[f"n/{name}"]) if f"n/{name}" in metrics else None,
            "flags": ",".join(dict.fromkeys([*flags.get(row["condition"], []), *everywhere, *leak])),
        }
