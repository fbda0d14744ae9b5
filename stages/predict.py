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
from stages import failed, tables
from stages.errors import StoreError
from stages.plan import CHECKPOINT, COMPANION, FOLDER
from stages.prepare import described, prepare_again
from stages.store import codecs, provenance
from stages.store.code_snapshot import Planned, snapshot
from stages.store.digests import digest_but_for
from stages.store.lock import Work, locked
from stages.store.provenance import ENVIRONMENT
from stages.store.store import Entry, Store
from stages.study import params
from stages.train import RUNS, codes_of, environment_of, made_with, reason, train_again, write_failures

OUTCOMES = Path("outcomes.parquet")
FAILURES = failed.path("predict")
SAME_RUN = ("domain", "method", "model", "seed")


def main() -> None:
    """Make the missing cells, then write outcomes.parquet: every run x condition, finished or failed."""
    runs = tables.read(tables.RUNS, RUNS)
    planned = tables.read(tables.PLANNED_CELLS, FOLDER / "cells.parquet")
    data = described()
    store = Store.from_environment()
    cells = keyed(runs, planned, data)
    trained = set(runs.filter(pl.col("status") == "finished")["run_key"])
    possible = [cell for cell in cells if cell["model_key"] in trained]
    with locked(store, "predict", wait=True) as work:
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
    common = {}
    for row in planned.iter_rows(named=True):
        examples = data[row["domain"]]["conditions"][row["condition"]]["digest"]
        spec = json.loads(row["spec"])
        key_of = digest_but_for({"condition": spec, "examples": examples, "code": row["code"]}, "run")
        common[row["domain"], row["condition"]] = {"spec": spec, "examples": examples, "code": row["code"]}, key_of
    cells = []
    of_plan = planned.select("domain", "condition", "checkpoints", has_companion="companion")
    of_runs = finished.filter(pl.col("role") != COMPANION).select("run", "run_key", "role", *SAME_RUN)
    for row in of_runs.join(of_plan, on="domain").iter_rows(named=True):
        if row["role"] == CHECKPOINT and not row["checkpoints"]:
            continue
        cell = {name: row[name] for name in ("run", "domain", "run_key", "condition")}
        which = (*(row[name] for name in SAME_RUN), row["condition"])
        model = companions[which] if row["has_companion"] else row["run_key"]
        about, key_of = common[row["domain"], row["condition"]]
        cells.append({**cell, "model_key": model, **about, "cell_key": key_of(model)})
    return cells


def predict_all(
    missing: list[dict[str, Any]], runs: pl.DataFrame, data: Mapping[str, Any], store: Store, at_work: Work
) -> None:
    """Fan the runs with missing cells out, each with its weights, and store the outcomes as they come."""
    if not missing:
        return
    compute = params.compute()
    train_again((cell["model_key"] for cell in missing), data, store, at_work)
    prepare_again((cell["examples"] for cell in missing), data, store)
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
            weights = None if store.shared else store.read("runs", key)
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
    return importlib.import_module(f"pipelines.{domain}.arrays").examples_from(codecs.arrays(payload))


def predict_again(keys: Iterable[str], store: Store, work: Work) -> None:
    """Make the outcomes with these keys that the store has lost since they were made. Raises StoreError."""
    lost = store.lost("cells", keys)
    if not lost:
        return
    print(f"{store.shown}: cells missing or damaged, made again: {len(lost)}", flush=True)
    runs, data = tables.read(tables.RUNS, RUNS), described()
    cells = keyed(runs, tables.read(tables.PLANNED_CELLS, FOLDER / "cells.parquet"), data)
    predict_all([cell for cell in cells if cell["cell_key"] in lost], runs, data, store, work)
    if still := sorted(store.lost("cells", lost)):
        raise StoreError(
            f"{store.shown}: {len(still)} of {len(lost)} cells that were lost could not be made again, the first: "
            f"{reason(store.failure('cells', still[0]))}: `dvc repro --force --single-item predict` lists them, `dvc "
            "repro` goes on without them"
        )


def predicted(item: Mapping[str, Any], shared: Mapping[str, Any]) -> list[dict[str, Any]]:
    """In the worker: one model's outcomes under its conditions, as bytes; an error in one condition is that cell's.
    Where the worker reaches the store it takes the weights from there, and writes the outcomes there.
    """
    spec = item["run"]
    store = Store(shared["store"]) if shared["store"] else None
    running = importlib.import_module(f"pipelines.{spec['domain']}.running")
    weights = codecs.weights_from(store.read("runs", item["run_key"]) if store else item["weights"])
    device = running.device_for(*assigned())
    classifier = running.restore(spec, shared["sizes"][spec["domain"]], weights, device)
    environment = environment_of(running.device_name(device), shared["checkout"])
    results: list[dict[str, Any]] = []
    for cell in item["cells"]:
        began = time.perf_counter()
        try:
            outcomes = running.predict(cell["spec"], classifier, shared["examples"][cell["examples"]], spec["seed"])
            payload = codecs.outcomes_bytes(outcomes)
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
