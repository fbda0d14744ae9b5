"""What MLflow is told of a training beside its values: what it is made from, what with, when, and how its loss went."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import polars as pl

from stages import artifacts
from stages.artifacts import RUN, SIBLING
from stages.needed import SAME_RUN, digests_of
from stages.store.keys import digest
from stages.store.provenance import ENVIRONMENT
from stages.tracking_run import Data, Described

SHOWN = ("task", "domain", "dataset", "method", "model", "family", "seed", "parameters", "flops")
VERSIONS = ("diffprog", "python", "torch", "torchvision", "timm", "numpy")
MACHINE = ("processor", "vector_units", "device", "threads", "system")
Row = Mapping[str, Any]


def plan_digest(keys: Iterable[str], data: Mapping[str, Any]) -> str:
    """What MLflow's parent run stands for: these runs, by key, under the planned conditions on these data, and what is
    to be measured (a metric's range is in its code's digest). All of it is known before anything is trained.
    """
    conditions = artifacts.PLANNED_CELLS.read().drop("agreement").to_dicts()
    measurements = artifacts.PLANNED_MEASUREMENTS.read().drop("lower", "upper", "leaks").to_dicts()
    examples = sorted(which for prepared in data.values() for which in digests_of(prepared))
    return digest([sorted(keys), conditions, examples, measurements])


def grouped(runs: pl.DataFrame) -> Iterator[tuple[Row, Sequence[Row]]]:
    """Of the table RUNS each run, and with it those of itself and its checkpoints that have finished."""
    measured = runs.filter(pl.col("role") != SIBLING)
    for _, together in measured.group_by(SAME_RUN, maintain_order=True):
        (run,) = together.filter(role=RUN).to_dicts()
        yield run, together.filter(status="finished").to_dicts()


def described(run: Row, splits: Mapping[str, str], data: Mapping[str, Any], facts: Mapping[str, Any]) -> Described:
    """A run. `run` is its row of the table RUNS, `splits` has the digests of those that it is trained on, `data` what
    data.json says, `facts` the record of the store, or why it failed.
    """
    made_with = json.loads(run[ENVIRONMENT] or "{}")
    end = [] if run["loss"] is None else [(run["steps"], run["loss"])]
    return Described(
        run["run_key"],
        run["run"],
        params(run),
        tags(made_with),
        seconds=facts.get("seconds", 0.0),
        ended=facts.get("ended"),
        curve=[(step, loss) for step, loss in facts.get("curve", end)],
        data=list(data_of(data[run["task"]], run["task"], splits)),
        failure=run["reason"] if run["status"] == "failed" else None,
    )


def params(run: Row) -> dict[str, Any]:
    """What a run is made from, as given, and how large it is."""
    spec = json.loads(run["spec"])
    options = {
        f"{kind}.{name}": value
        for kind in ("model", "method")
        for name, value in spec.get(kind, {}).get("options", {}).items()
    }
    training = {f"training.{name}": value for name, value in spec["training"].items()}
    return {name: run[name] for name in SHOWN if run[name] is not None} | options | training


def tags(made_with: Mapping[str, Any]) -> dict[str, str]:
    """What a run is made with: MLflow's own names for the commit, and all of it under names that its pages show."""
    found = {f"versions.{name}": made_with[name] for name in VERSIONS if name in made_with}
    found |= {name: made_with[name] for name in MACHINE if made_with.get(name)}
    if "commit" in made_with:
        dirty = json.dumps(made_with["dirty"])
        found |= {"git.commit": made_with["commit"], "git.dirty": dirty}
        found |= {"mlflow.source.git.commit": made_with["commit"], "mlflow.source.git.dirty": dirty}
    found |= {"mlflow.source.name": "diffprog", "mlflow.source.type": "LOCAL"}
    return {name: str(value) for name, value in found.items()}


def data_of(prepared: Mapping[str, Any], task: str, splits: Mapping[str, str]) -> Iterator[Data]:
    """The splits that a run is trained on, and the examples of every condition."""
    for name in splits:
        yield Data(f"{task}/{name}", splits[name], prepared["splits"][name]["rows"], "training")
    for name, examples in prepared["conditions"].items():
        yield Data(f"{task}/{name}", examples["digest"], examples["rows"], "evaluation")
