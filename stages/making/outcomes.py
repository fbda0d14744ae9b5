"""Outcomes: each model under its conditions, on Ray, and stored as they come."""

import json
import time
import traceback
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import polars as pl

from cluster.fanout import Failed, Finished
from cluster.resources import assigned, most, needs_a_whole_card
from pipelines.outcomes import Outcomes
from stages import artifacts, domains
from stages.cohorts import place_of, places_of, shared_spec
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
    """Fan the models with missing cells out, each with its weights and those that were trained at once together, and
    store the outcomes as they come.
    """
    if not missing:
        return
    rows = {row["run_key"]: row for row in runs.iter_rows(named=True)}
    groups = looked_at_together(missing, rows, store)
    missing = [cell for cells in groups.values() for cell in cells]
    if not missing:
        return
    train_again((key for keys in groups for key in keys), data, store, progress)
    prepare_again((cell.examples for cell in missing), data, store)
    examples = {
        which: examples_of(domain, store.read("data", which))
        for domain, which in {(cell.domain, cell.examples) for cell in missing}
    }

    def items() -> Iterator[dict[str, Any]]:
        for keys, cells in sorted(groups.items(), key=lambda each: (-rows[each[0][0]]["parameters"], each[0])):
            named = {tuple(rows[key][name] for name in ("task", "method", "model")) for key in keys}
            weights = [None if store.shared else store.read("runs", key) for key in keys]
            specs = [json.loads(rows[key]["spec"]) for key in keys]
            yield {"runs": specs, "keys": keys, "named": named, "weights": weights, "cells": cells}

    progress.begin(len(groups), len(missing))
    models = ((rows[key]["run"], rows[key]["spec"], rows[key]["code"]) for keys in groups for key in keys)
    for result in swept(
        "predict",
        predicted,
        items(),
        total=len(groups),
        shared={"examples": examples},
        needs=lambda compute, item: most(compute.resources(*each) for each in item["named"]),
        codes=[*codes_of(models), *condition_codes(missing)],
        store=store,
    ):
        keep(result, store)
        progress.advance(len(result.item["cells"]))


def looked_at_together(
    missing: Iterable[Cell], rows: Mapping[str, Mapping[str, Any]], store: Store
) -> dict[tuple[str, ...], list[Cell]]:
    """The missing cells by the keys of the models that are looked at together: those of a cohort, whether cells of
    theirs are missing or not, as the outcomes of each depend on all; else one. `rows` are of the table RUNS.

    A cohort is without its runs that fail whenever they are trained. While another one is not trained, or not in the
    table, the cells of its cohort fail: they would be others without it.
    """
    cohorts: dict[Any, list[str]] = {}
    of_key: dict[str, Any] = {}
    places: dict[str, int] = {}
    for key, row in rows.items():
        spec = json.loads(row["spec"])
        if "cohort" in spec:
            of_key[key] = (row["task"], row["at_step"], shared_spec(spec))
            places[key] = place_of(spec)
            cohorts.setdefault(of_key[key], []).append(key)
    untrained: dict[Any, str] = {}
    for which, keys in cohorts.items():
        first, there = rows[keys[0]], {places[key] for key in keys}
        for place, name in enumerate(places_of(json.loads(first["spec"])["cohort"])):
            if place not in there:
                untrained[which] = "/".join((first["task"], first["method"], first["model"], name))
        for key in keys:
            if rows[key]["status"] != "finished" and not (store.failure("runs", key) or {}).get("inherent"):
                untrained[which] = rows[key]["run"]
        finished = [key for key in keys if rows[key]["status"] == "finished"]
        cohorts[which] = sorted(finished, key=places.__getitem__)
    found: dict[tuple[str, ...], list[Cell]] = {}
    for cell in missing:
        which = of_key.get(cell.model_key)
        if which in untrained:
            why = f"{untrained[which]}, of the same cohort, is not trained; `dvc repro` tries it again"
            failure = {"run": cell.run, "condition": cell.condition, "error": "NotWhole", "message": why}
            store.write_failure("cells", cell.key, failure)
            continue
        found.setdefault(tuple(cohorts.get(which, [cell.model_key])), []).append(cell)
    return found


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
    """In the worker: the outcomes of some models under their conditions, as bytes; an error in one condition is that
    cell's. Where the worker reaches the store it takes the weights from there, and writes the outcomes there.
    """
    store = Store(shared["store"]) if shared["store"] else None
    domain = item["runs"][0]["domain"]
    running = domains.running(domain)
    device = running.device_for(*assigned())
    models, seeds = {}, {}
    for key, spec, weights in zip(item["keys"], item["runs"], item["weights"], strict=True):
        models[key] = running.restore(spec, codecs.weights_from(store.read("runs", key) if store else weights), device)
        seeds[key] = spec["seed"]
    environment = environment_of(running.device_name(device), shared["checkout"])
    by_condition: dict[tuple[str, str], list[Cell]] = {}
    for cell in item["cells"]:
        by_condition.setdefault((cell.task, cell.condition), []).append(cell)
    results: dict[str, dict[str, Any]] = {}
    for cells in by_condition.values():
        began = time.perf_counter()
        examples = shared["examples"][cells[0].examples]
        together = at_once(cells[0], models, seeds, examples) if len(models) > 1 else {}
        share = (time.perf_counter() - began) / len(models)
        for cell in cells:
            began, key = time.perf_counter() - share, cell.model_key
            try:
                outcomes = together.get(key)
                if isinstance(outcomes, Exception):
                    raise outcomes
                if outcomes is None:
                    outcomes = running.predict(cell.spec, models[key], examples, seeds[key])
                payload = codecs.outcomes_bytes(outcomes)
                found = {"outcomes": payload, "seconds": time.perf_counter() - began, ENVIRONMENT: environment}
                if store:
                    store_outcomes(cell, found, store)
                results[cell.key] = {"stored": True} if store else found
            except Exception as error:
                if needs_a_whole_card(error):
                    raise
                failure = {"error": type(error).__name__, "message": str(error), "traceback": traceback.format_exc()}
                results[cell.key] = {"failure": failure}
    return [results[cell.key] for cell in item["cells"]]


def at_once(
    cell: Cell, models: Mapping[str, Any], seeds: Mapping[str, int], examples: Any
) -> dict[str, Outcomes | Exception]:
    """The outcomes of all models under a cell's condition, by their keys, or the error that is each one's; nothing
    where they are looked at one by one.
    """
    cohorts = domains.cohorts(cell.domain)
    try:
        found = cohorts.predict(cell.spec, [*models.values()], examples, [*seeds.values()]) if cohorts else None
    except Exception as error:
        return dict.fromkeys(models, error)
    return dict(zip(models, found, strict=True)) if found else {}


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
