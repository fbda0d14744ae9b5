"""Stage `plan`: params.yaml, checked and expanded to the runs, conditions and measurements that it asks for."""

import importlib
import itertools
import json
from collections import Counter
from pathlib import Path
from typing import Any

from pipelines import parts
from stages import params, tables
from stages.identity import code_digest
from stages.params import DomainStudy, Measurement, Part

FOLDER = Path("plan")
RUN, CHECKPOINT, COMPANION = "run", "checkpoint", "companion"  # roles of what is trained
RETRY = Path("retry.json")  # what failed when the report was last made: a new failure makes the next repro try again


def main() -> None:
    """Write plan/runs.parquet, plan/cells.parquet and plan/measurements.parquet."""
    study = params.read()
    runs = [row for domain in study.domains for row in planned_runs(domain)]
    cells = [row for domain in study.domains for row in planned_cells(domain)]
    measurements = [planned_measurement(domain, item) for domain in study.domains for item in domain.measurements]
    tables.write(runs, tables.PLANNED_RUNS, FOLDER / "runs.parquet")
    tables.write(cells, tables.PLANNED_CELLS, FOLDER / "cells.parquet")
    tables.write(measurements, tables.PLANNED_MEASUREMENTS, FOLDER / "measurements.parquet")
    if not RETRY.exists():
        tables.write_json({}, RETRY)
    for domain in study.domains:
        counts = f"{len(domain.methods)} methods x {len(domain.models)} models x {len(domain.seeds)} seeds"
        planned = Counter(row["role"] for row in runs if row["domain"] == domain.domain)
        beside = "".join(f", {planned[role]} {role}s" for role in (CHECKPOINT, COMPANION) if planned[role])
        print(f"{study.name}: {counts} = {planned[RUN]} runs{beside}")
        print(f"{len(domain.conditions)} conditions, {len(domain.measurements)} measurements")
    print(f"about {sum(row['flops'] for row in runs):.2g} FLOPs of training")


def planned_runs(study: DomainStudy) -> list[dict[str, Any]]:
    """A row for every method, model and seed."""
    work = importlib.import_module(f"pipelines.{study.domain}.work")
    costs = {model.name: work.cost(model.spec(), study.shape) for model in study.models}
    images = study.shape.train * study.training["epochs"]
    rows = []
    for method in study.methods:
        multiple = work.training_cost(method.spec())
        for model in study.models:
            code = code_digest(work.training_modules({"method": method.spec(), "model": model.spec()}))
            for seed, (role, at_step, share) in itertools.product(study.seeds, roles(study, method, work)):
                beside = {RUN: "", CHECKPOINT: f"@{at_step}", COMPANION: f"@{share:g}"}
                rows.append(
                    {
                        "run": f"{method.name}/{model.name}/{seed}{beside[role]}",
                        "domain": study.domain,
                        "dataset": study.data.use,
                        "method": method.name,
                        "model": model.name,
                        "family": model.use,
                        "seed": seed,
                        "role": role,
                        "at_step": at_step,
                        "share": share,
                        "parameters": costs[model.name].parameters,
                        "flops": costs[model.name].flops_an_image * images * share * multiple,
                        "spec": json.dumps(run_spec(study, method, model, seed, share), sort_keys=True),
                        "splits": ",".join(("train", *work.splits_needed("methods", method.spec()))),
                        "code": code,
                    }
                )
    return rows


def roles(study: DomainStudy, method: Part, work: Any) -> list[tuple[str, int | None, float]]:
    """(role, step, share of the training images) of what is trained of a method, model and seed: the run, its
    checkpoints, and its companions, for conditions that look at a model trained on a share of the images.
    """
    shares = sorted({work.trained_on(condition.spec()) for condition in study.conditions} - {1.0})
    steps = study.checkpoints.steps if method.name in study.checkpoints.methods else ()
    return [
        (RUN, None, 1.0),
        *((CHECKPOINT, step, 1.0) for step in steps),
        *((COMPANION, None, share) for share in shares),
    ]


def run_spec(study: DomainStudy, method: Part, model: Part, seed: int, share: float) -> dict[str, Any]:
    """All that a training run is made from, but for its data and its code."""
    return {
        "domain": study.domain,
        "method": method.spec(),
        "model": model.spec(),
        "training": dict(study.training),
        "classes": study.shape.classes,
        "share": share,
        "seed": seed,
    }


def planned_cells(study: DomainStudy) -> list[dict[str, Any]]:
    """A row for every condition: each run meets them all."""
    work = importlib.import_module(f"pipelines.{study.domain}.work")
    return [
        {
            "condition": condition.name,
            "domain": study.domain,
            "spec": json.dumps(condition.spec(), sort_keys=True),
            "code": code_digest(work.condition_modules(condition.spec())),
            "splits": ",".join(work.splits_needed("conditions", condition.spec())),
            "share": work.trained_on(condition.spec()),
            "checkpoints": condition.name in study.checkpoints.conditions,
        }
        for condition in study.conditions
    ]


def planned_measurement(study: DomainStudy, item: Measurement) -> dict[str, Any]:
    """A row for a metric under a condition."""
    module = parts.module("pipelines.metrics", item.metric.use)
    return {
        "domain": study.domain,
        "measurement": f"{item.condition}/{item.name}",
        "condition": item.condition,
        "metric": item.name,
        "axis": item.axis,
        "pillar": item.pillar,
        "higher_is_better": module.HIGHER_IS_BETTER,
        "reference": item.reference,
        "spec": json.dumps({**item.metric.spec(), "scaled": item.scaled}, sort_keys=True),
        "code": code_digest([f"pipelines.metrics.{item.metric.use}", "pipelines.measuring"]),
    }
