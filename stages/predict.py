"""Stage `predict`: every finished run under every condition, its outcomes stored, on Ray."""

import importlib
import json
import time
import traceback
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import polars as pl

from cluster.fanout import Failed, Finished, assigned, fanout
from stages import params, payloads, provenance, tables
from stages.errors import StoreError
from stages.identity import digest
from stages.lock import Work, locked
from stages.plan import CHECKPOINT, COMPANION, FOLDER
from stages.prepare import DATA
from stages.provenance import ENVIRONMENT
from stages.snapshot import Planned, snapshot
from stages.store import Entry, Store
from stages.train import RUNS, codes_of, environment_of, made_with, reason, write_failures

OUTCOMES = Path("outcomes.parquet")
FAILURES = Path("failures/predict.json")
SAME_RUN = ("domain", "method", "model", "seed")


def main() -> None:
    """Make the missing cells, then write outcomes.parquet: every run x condition, finished or failed."""
    runs = tables.read(tables.RUNS, RUNS)
    planned = tables.read(tables.PLANNED_CELLS, FOLDER / "cells.parquet")
    data = json.loads(DATA.read_text(encoding="utf-8"))
    store = Store.from_environment()
    cells = keyed(runs, planned, data)
    trained = set(runs.filter(pl.col("status") == "finished")["run_key"])
    possible = [cell for cell in cells if cell["model_key"] in trained]
    with locked(store, "predict") as work:
        done = store.all_done("cells", (cell["cell_key"] for cell in possible))
        missing = [cell for cell in possible if cell["cell_key"] not in done]
        if len(missing) < len(possible):
            print(f"{len(possible) - len(missing)} of {len(cells)} cells are in the store already")
        predict_all(missing, runs, data, store, work)
    entries = store.entries("cells", (cell["cell_key"] for cell in possible))
    rows = [with_fate(cell, trained, entries.get(cell["cell_key"]), store) for cell in cells]
    tables.write(rows, tables.OUTCOMES, OUTCOMES)
    failed = [
        (f"{row['run']} under {row['condition']}", "cells", row["cell_key"])
        for row, cell in zip(rows, cells, strict=True)
        if row["status"] == "failed" and cell["model_key"] in trained
    ]
    write_failures(failed, store, FAILURES)
    print(f"{sum(row['status'] == 'finished' for row in rows)} of {len(rows)} cells finished")


def keyed(runs: pl.DataFrame, planned: pl.DataFrame, data: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Every finished run under every condition of its domain, and every checkpoint under those it is to meet, each
    with its key and that of the model that the condition looks at.
    """
    finished = runs.filter(pl.col("status") == "finished")
    of_companions = runs.filter(role=COMPANION).select(*SAME_RUN, "companion", "run_key")
    companions = {tuple(which): key for *which, key in of_companions.iter_rows()}
    cells = []
    met = finished.filter(pl.col("role") != COMPANION).join(planned, on="domain", suffix="_condition")
    for row in met.iter_rows(named=True):
        if row["role"] == CHECKPOINT and not row["checkpoints"]:
            continue
        examples = data[row["domain"]]["conditions"][row["condition"]]["digest"]
        spec = json.loads(row["spec_condition"])
        cell = {name: row[name] for name in ("run", "domain", "run_key", "condition")}
        which = (*(row[name] for name in SAME_RUN), row["condition"])
        model = companions[which] if row["companion_condition"] else row["run_key"]
        key = digest({"run": model, "condition": spec, "examples": examples, "code": row["code_condition"]})
        about = {"spec": spec, "examples": examples, "code": row["code_condition"]}
        cells.append({**cell, **about, "model_key": model, "cell_key": key})
    return cells


def predict_all(
    missing: list[dict[str, Any]], runs: pl.DataFrame, data: Mapping[str, Any], store: Store, at_work: Work
) -> None:
    """Fan the runs with missing cells out, each with its weights, and store the outcomes as they come."""
    if not missing:
        return
    compute = params.compute()
    shared = {
        "store": store.uri if store.shared else None,
        "checkout": provenance.checkout(),
        "sizes": {domain: known["size"] for domain, known in data.items()},
        "examples": {
            which: examples_of(domain, store.read("data", which))
            for domain, which in {(cell["domain"], cell["examples"]) for cell in missing}
        },
    }
    by_run: dict[str, list[dict[str, Any]]] = {}
    for cell in missing:
        by_run.setdefault(cell["model_key"], []).append(cell)
    specs = {row["run_key"]: row for row in runs.iter_rows(named=True)}
    longest_first = sorted(by_run, key=lambda key: (-specs[key]["parameters"], key))

    def items() -> Iterator[dict[str, Any]]:
        for key in longest_first:
            spec = json.loads(specs[key]["spec"])
            named = {name: specs[key][name] for name in ("domain", "method", "model")}
            weights = None if store.shared else weights_of(specs[key], store)
            yield {"run": spec, "run_key": key, "named": named, "weights": weights, "cells": by_run[key]}

    at_work.begin(len(by_run), len(missing))
    with snapshot([*codes_of(specs[key] for key in by_run), *condition_codes(missing)]) as code:
        for result in fanout(
            predicted,
            items(),
            total=len(by_run),
            shared=shared,
            resources=lambda item: compute.resources(item["named"]),
            workers=compute.workers,
            code=code,
            title="predict",
        ):
            keep(result, store)
            at_work.advance(len(result.item["cells"]))


def condition_codes(cells: Iterable[Mapping[str, Any]]) -> Iterator[Planned]:
    """The code that these cells are planned to be made with, but for that of their models."""
    for cell in cells:
        domain = importlib.import_module(f"pipelines.{cell['domain']}.domain")
        yield f"condition {cell['condition']}", domain.condition_modules(cell["spec"]), cell["code"]


def examples_of(domain: str, payload: bytes) -> Any:
    """A domain's examples, of their stored bytes."""
    return importlib.import_module(f"pipelines.{domain}.arrays").examples_from(payloads.arrays(payload))


def weights_of(run: Mapping[str, Any], store: Store) -> bytes:
    """The stored weights of a finished run."""
    try:
        return store.read("runs", run["run_key"])
    except StoreError as error:
        raise StoreError(f"{error} (run {run['run']}); `dvc repro --force train` makes it again") from error


def predicted(item: Mapping[str, Any], shared: Mapping[str, Any]) -> list[dict[str, Any]]:
    """In the worker: one model's outcomes under its conditions, as bytes; an error in one condition is that cell's.
    Where the worker reaches the store it takes the weights from there, and writes the outcomes there.
    """
    spec = item["run"]
    store = Store(shared["store"]) if shared["store"] else None
    running = importlib.import_module(f"pipelines.{spec['domain']}.running")
    weights = payloads.weights_from(store.read("runs", item["run_key"]) if store else item["weights"])
    device = running.device_for(*assigned())
    classifier = running.restore(spec, shared["sizes"][spec["domain"]], weights, device)
    environment = environment_of(running.device_name(device), shared["checkout"])
    results: list[dict[str, Any]] = []
    for cell in item["cells"]:
        began = time.perf_counter()
        try:
            outcomes = running.predict(cell["spec"], classifier, shared["examples"][cell["examples"]], spec["seed"])
            payload = payloads.outcomes_bytes(outcomes)
            found = {"outcomes": payload, "seconds": time.perf_counter() - began, ENVIRONMENT: environment}
            if store:
                store_outcomes(cell, found, store)
            results.append({"stored": True} if store else found)
        except Exception as error:
            failure = {"error": type(error).__name__, "message": str(error), "traceback": traceback.format_exc()}
            results.append({"failure": failure})
    return results


def store_outcomes(cell: Mapping[str, Any], found: Mapping[str, Any], store: Store) -> None:
    """Store the outcomes of a cell."""
    about = {name: cell[name] for name in ("run", "condition")}
    facts = {**about, **{name: found[name] for name in ("seconds", ENVIRONMENT)}}
    store.write("cells", cell["cell_key"], found["outcomes"], facts)


def keep(result: Finished | Failed, store: Store) -> None:
    """Store the outcomes of each cell, where the worker has not, or why it failed."""
    failed = {"failure": {name: getattr(result, name, "") for name in ("error", "message", "traceback")}}
    cells = result.item["cells"]
    for cell, got in zip(cells, result.value if isinstance(result, Finished) else [failed] * len(cells), strict=True):
        if "failure" in got:
            where = {name: cell[name] for name in ("run", "condition")}
            store.write_failure("cells", cell["cell_key"], {**where, **got["failure"]})
            continue
        if "outcomes" in got:
            store_outcomes(cell, got, store)
        store.forget_failure("cells", cell["cell_key"])


def with_fate(cell: Mapping[str, Any], trained: Collection[str], entry: Entry | None, store: Store) -> dict[str, Any]:
    """A row of outcomes.parquet, of a cell and its entry in the store, if it has one."""
    row = {name: cell[name] for name in ("run", "run_key", "condition", "cell_key")}
    row |= {"digest": None, ENVIRONMENT: ""}
    if cell["model_key"] not in trained:
        return {**row, "status": "failed", "reason": "the model trained for it failed"}
    if entry:
        return {**row, "digest": entry.sha256, ENVIRONMENT: made_with(entry), "status": "finished", "reason": ""}
    return {**row, "status": "failed", "reason": reason(store.failure("cells", cell["cell_key"]))}
