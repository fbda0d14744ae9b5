"""Every run's values logged to MLflow."""

import json
from collections.abc import Mapping
from typing import Any

import polars as pl
from tqdm import tqdm

from stages import artifacts
from stages.artifacts import CHECKPOINT
from stages.records import Values
from stages.run_values import RunValues
from stages.store.keys import digest
from stages.store.provenance import ENVIRONMENT
from stages.store.store import Store
from stages.tracking import Tracking, values_digest

REPLICATE_OF = ("task", "domain", "dataset", "method", "model", "seed")  # the run of a row of REPLICATES


def plan_digest(values: Mapping[str, str], planned: pl.DataFrame) -> str:
    """What MLflow's parent run stands for: these values of runs, by key, and measurements (a metric's range is in its
    code's digest).
    """
    return digest([values, planned.drop("lower", "upper", "leaks").to_dicts()])


def log_all(runs: pl.DataFrame, every: list[Values], planned: pl.DataFrame, store: Store) -> pl.DataFrame:
    """Log every run's values to MLflow, and write logged.parquet, which is returned, and replicates.parquet."""
    by_run: dict[str, list[Values]] = {}
    for values in every:
        by_run.setdefault(values.run, []).append(values)
    rows: list[dict[str, Any]] = []
    replicates: list[dict[str, Any]] = []
    failing = store.failing("values")
    of_runs = {run: RunValues.of(by_run.get(run, []), store, failing) for run in runs["run"]}
    digests = {key: values_digest(of_runs[run].metrics) for run, key in runs.select("run", "run_key").iter_rows()}
    tracking = Tracking(artifacts.study_name(), plan_digest(digests, planned))
    for run in tqdm(list(runs.iter_rows(named=True)), desc="log", unit="run", dynamic_ncols=True):
        found = of_runs[run["run"]]
        if run["role"] != CHECKPOINT:
            same = {name: run[name] for name in REPLICATE_OF}
            replicates += [{**same, "measurement": name, "deviations": each} for name, each in found.deviations.items()]
        predicted = {values.environment for values in by_run.get(run["run"], [])}
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
    artifacts.REPLICATES.write(replicates)
    return artifacts.LOGGED.write(rows)


def logged_params(run: Mapping[str, Any]) -> dict[str, Any]:
    """What MLflow shows of a run beside its values."""
    shown = {
        name: run[name]
        for name in ("task", "domain", "dataset", "method", "model", "family", "seed", "parameters", "flops")
    }
    spec = json.loads(run["spec"])
    options = {f"method.{name}": value for name, value in spec["method"]["options"].items()}
    return {**shown, **options, **{f"training.{name}": value for name, value in spec["training"].items()}}
