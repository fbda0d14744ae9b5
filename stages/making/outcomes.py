"""Outcomes: each model under its conditions, on Ray, and stored as they come."""

import json
import time
import traceback
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import polars as pl

from cluster.fanout import Failed, Finished
from cluster.resources import assigned
from stages import artifacts, domains
from stages.errors import StoreError, reason
from stages.making.data import prepare_again
from stages.making.models import codes_of, train_again
from stages.making.sweep import environment_of, swept
from stages.needed import planned_cells
from stages.records import Cell
from stages.store import codecs
from stages.store.code_snapshot import Planned
from stages.store.lock import Progress
from stages.store.provenance import ENVIRONMENT
from stages.store.store import Store


def predict_all(
    missing: list[Cell], runs: pl.DataFrame, data: Mapping[str, Any], store: Store, progress: Progress
) -> None:
    """Fan the models with missing cells out, each with its weights, and store the outcomes as they come."""
    if not missing:
        return
    train_again((cell.model_key for cell in missing), data, store, progress)
    prepare_again((cell.examples for cell in missing), data, store)
    examples = {
        which: examples_of(domain, store.read("data", which))
        for domain, which in {(cell.domain, cell.examples) for cell in missing}
    }
    by_model: dict[str, list[Cell]] = {}
    for cell in missing:
        by_model.setdefault(cell.model_key, []).append(cell)
    rows = {row["run_key"]: row for row in runs.iter_rows(named=True)}
    longest_first = sorted(by_model, key=lambda key: (-rows[key]["parameters"], key))

    def items() -> Iterator[dict[str, Any]]:
        for key in longest_first:
            named = tuple(rows[key][name] for name in ("task", "method", "model"))
            weights = None if store.shared else store.read("runs", key)
            spec = json.loads(rows[key]["spec"])
            yield {"run": spec, "run_key": key, "named": named, "weights": weights, "cells": by_model[key]}

    progress.begin(len(by_model), len(missing))
    models = ((rows[key]["run"], rows[key]["spec"], rows[key]["code"]) for key in by_model)
    for result in swept(
        "predict",
        predicted,
        items(),
        total=len(by_model),
        shared={"examples": examples},
        needs=lambda compute, item: compute.resources(*item["named"]),
        codes=[*codes_of(models), *condition_codes(missing)],
        store=store,
    ):
        keep(result, store)
        progress.advance(len(result.item["cells"]))


def condition_codes(cells: Iterable[Cell]) -> Iterator[Planned]:
    """The code that these cells are planned to be made with, but for that of their models."""
    for cell in cells:
        yield f"condition {cell.condition}", domains.condition_modules(cell.domain, cell.spec), cell.code


def examples_of(domain: str, payload: bytes) -> Any:
    """A domain's examples, of their stored bytes."""
    return domains.arrays(domain).examples_from(codecs.arrays(payload))


def predict_again(keys: Iterable[str], store: Store, progress: Progress) -> None:
    """Make the outcomes with these keys that the store has lost since they were made. Raises StoreError."""
    lost = store.lost("cells", keys)
    if not lost:
        return
    print(f"{store.shown}: cells missing or damaged, made again: {len(lost)}", flush=True)
    runs, data = artifacts.RUNS.read(), artifacts.prepared_data()
    cells = planned_cells(runs, artifacts.PLANNED_CELLS.read(), data)
    predict_all([cell for cell in cells if cell.key in lost], runs, data, store, progress)
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
    running = domains.running(spec["domain"])
    weights = codecs.weights_from(store.read("runs", item["run_key"]) if store else item["weights"])
    device = running.device_for(*assigned())
    model = running.restore(spec, weights, device)
    environment = environment_of(running.device_name(device), shared["checkout"])
    results: list[dict[str, Any]] = []
    for cell in item["cells"]:
        began = time.perf_counter()
        try:
            outcomes = running.predict(cell.spec, model, shared["examples"][cell.examples], spec["seed"])
            payload = codecs.outcomes_bytes(outcomes)
            found = {"outcomes": payload, "seconds": time.perf_counter() - began, ENVIRONMENT: environment}
            if store:
                store_outcomes(cell, found, store)
            results.append({"stored": True} if store else found)
        except Exception as error:
            failure = {"error": type(error).__name__, "message": str(error), "traceback": traceback.format_exc()}
            results.append({"failure": failure})
    return results


def store_outcomes(cell: Cell, found: Mapping[str, Any], store: Store) -> None:
    """Store the outcomes of a cell."""
    facts = {"run": cell.run, "condition": cell.condition, **{name: found[name] for name in ("seconds", ENVIRONMENT)}}
    store.write("cells", cell.key, found["outcomes"], facts)


def keep(result: Finished | Failed, store: Store) -> None:
    """Store the outcomes of each cell, where the worker has not, or why it failed."""
    failed = {"failure": {name: getattr(result, name, "") for name in ("error", "message", "traceback")}}
    cells = result.item["cells"]
    for cell, got in zip(cells, result.value if isinstance(result, Finished) else [failed] * len(cells), strict=True):
        if "failure" in got:
            store.write_failure("cells", cell.key, {"run": cell.run, "condition": cell.condition, **got["failure"]})
            continue
        if "outcomes" in got:
            store_outcomes(cell, got, store)
        store.forget_failure("cells", cell.key)
