"""Stage `plan`: params.yaml, checked and expanded to the runs, conditions and measurements that it asks for."""

import importlib
import json
from pathlib import Path
from typing import Any

from pipelines import parts
from stages import params, tables
from stages.identity import code_digest
from stages.params import DomainStudy, Measurement, Part

FOLDER = Path("plan")
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
        print(f"{study.name}: {counts} = {len(runs)} runs, each under {len(cells)} conditions")
        print(f"{len(measurements)} measurements")
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
            for seed in study.seeds:
                spec = run_spec(study, method, model, seed)
                rows.append(
                    {
                        "run": f"{method.name}/{model.name}/{seed}",
                        "domain": study.domain,
                        "dataset": study.data.use,
                        "method": method.name,
                        "model": model.name,
                        "family": model.use,
                        "seed": seed,
                        "parameters": costs[model.name].parameters,
                        "flops": costs[model.name].flops_an_image * images * multiple,
                        "spec": json.dumps(spec, sort_keys=True),
                        "splits": ",".join(("train", *work.splits_needed("methods", method.spec()))),
                        "code": code,
                    }
                )
    return rows


def run_spec(study: DomainStudy, method: Part, model: Part, seed: int) -> dict[str, Any]:
    """All that a training run is made from, but for its data and its code."""
    return {
        "domain": study.domain,
        "method": method.spec(),
        "model": model.spec(),
        "training": dict(study.training),
        "classes": study.shape.classes,
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
        "spec": json.dumps(item.metric.spec(), sort_keys=True),
        "code": code_digest([f"pipelines.metrics.{item.metric.use}", "pipelines.measuring"]),
    }
