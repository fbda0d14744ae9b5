"""Every run of a study logged to MLflow with its values."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from tqdm import tqdm

from stages import artifacts
from stages.artifacts import CHECKPOINT, RUN
from stages.described import Row, described, grouped, plan_digest
from stages.needed import planned_runs
from stages.records import Values
from stages.run_values import RunValues
from stages.store.provenance import ENVIRONMENT
from stages.store.store import Store
from stages.tracking import Tracking
from stages.tracking_values import COLUMNS, TABLE
from stages.tracking_values import Values as Tracked

REPLICATE_OF = ("task", "domain", "dataset", "method", "model", "seed")  # the run of a row of REPLICATES


@dataclass(frozen=True)
class Measured:
    """A row of the table RUNS with what was measured of it, and what it was made with, by stage."""

    run: Row
    values: RunValues
    environments: Mapping[str, list[str]]

    @classmethod
    def of(cls, run: Row, every: list[Values], store: Store, failing: set[str]) -> "Measured":
        """`every` are the values that are to be measured of it, `failing` the keys of those whose last try failed."""
        found = RunValues.of(every, store, failing)
        made_with = {
            "train": {run[ENVIRONMENT]},
            "predict": {values.environment for values in every},
            "measure": found.environments,
        }
        return cls(run, found, {stage: sorted(which - {""}) for stage, which in made_with.items()})


def log_all(every: Iterable[Values], store: Store) -> int:
    """Log every run of the table RUNS, and write logged.parquet and replicates.parquet. `every` are the values that are
    to be measured. How many finished ones there are, checkpoints among them.
    """
    runs, data = artifacts.RUNS.read(), artifacts.prepared_data()
    tracking = Tracking(artifacts.study_name(), plan_digest(runs["run_key"], data))
    splits = {run.run: run.splits for run in planned_runs(artifacts.PLANNED_RUNS.read(), data)}
    capability = set(artifacts.PLANNED_MEASUREMENTS.read().filter(axis="capability")["measurement"])
    by_run: dict[str, list[Values]] = {}
    for each in every:
        by_run.setdefault(each.run, []).append(each)
    failing = store.failing("values")
    entries = store.entries("runs", runs.filter(role=RUN)["run_key"])
    rows: list[dict[str, Any]] = []
    replicates: list[dict[str, Any]] = []
    hidden = 0
    for run, finished in tqdm(list(grouped(runs)), desc="log", unit="run", dynamic_ncols=True):
        key = run["run_key"]
        facts = entries[key].facts if key in entries else store.failure("runs", key)
        parts = [Measured.of(part, by_run.get(part["run"], []), store, failing) for part in finished]
        values = tracked(parts, capability) if parts else None
        logged = tracking.log(described(run, splits[run["run"]], data, facts or {}), values)
        hidden = max(hidden, values.hidden if values else 0)
        rows += [row_of(part, key, logged.run_id, logged.values_digest) for part in parts]
        replicates += [row for part in parts for row in replicates_of(part)]
    tracking.settle()
    if hidden:
        print(f"MLflow shows {COLUMNS} metrics of a run at most: {hidden} more are in its table {TABLE} alone")
    artifacts.REPLICATES.write(replicates)
    return len(artifacts.LOGGED.write(rows))


def tracked(parts: Iterable[Measured], capability: set[str]) -> Tracked:
    """The values of a run and its checkpoints as MLflow gets them, those that are capability first."""

    def place(name: str) -> tuple[bool, str]:
        return name not in capability, name

    by_step = {part.run["steps"]: part for part in parts}
    return Tracked(
        {
            step: {name: part.values.metrics[name] for name in sorted(part.values.metrics, key=place)}
            for step, part in by_step.items()
        },
        {step: part.environments for step, part in by_step.items()},
    )


def row_of(part: Measured, key: str, run_id: str, digest: str | None) -> dict[str, Any]:
    """A row of the table LOGGED; `key` is that of the run whose values they are logged with."""
    found = part.values
    return {
        "run": part.run["run"],
        "run_key": key,
        "mlflow_run_id": run_id,
        "values": digest,
        "metrics": len(found.metrics),
        "flags": json.dumps(found.flags, sort_keys=True),
        "unmeasured": json.dumps(found.unmeasured, sort_keys=True),
        "environments": json.dumps(part.environments, sort_keys=True),
    }


def replicates_of(part: Measured) -> list[dict[str, Any]]:
    """The rows of the table REPLICATES of a run; a checkpoint has none."""
    if part.run["role"] == CHECKPOINT:
        return []
    same = {name: part.run[name] for name in REPLICATE_OF}
    return [{**same, "measurement": name, "deviations": each} for name, each in part.values.deviations.items()]
