"""Values: metrics on stored outcomes, on Ray, and stored as they come."""

import json
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from cluster.fanout import Failed, Finished
from pipelines.measuring import example_draws, modules, values_of
from stages.making.sweep import environment_of, swept
from stages.records import Values
from stages.store import codecs
from stages.store.code_snapshot import Planned
from stages.store.lock import Progress
from stages.store.provenance import ENVIRONMENT
from stages.store.store import Store


def measure_all(
    missing: list[Values], store: Store, progress: Progress, ended: Callable[[list[Values], list[str]], None]
) -> None:
    """Fan the runs out, each with what is to be measured of it, store the values as they come, and say which are
    `ended`, and in which of them, by key, something failed.
    """
    if not missing:
        return
    by_run: dict[str, list[Values]] = {}
    for values in missing:
        by_run.setdefault(values.run, []).append(values)

    def items() -> Iterator[dict[str, Any]]:
        for asked in by_run.values():
            needed = sorted({key for values in asked for key in values.outcomes})
            outcomes = {} if store.shared else {key: store.read("cells", key) for key in needed}
            yield {"asked": asked, "needed": needed, "outcomes": outcomes}

    progress.begin(len(by_run), len(missing))
    for result in swept(
        "measure",
        measured,
        items(),
        total=len(by_run),
        shared={},
        needs=lambda compute, item: compute.measuring(item["asked"][0].task),
        codes=metric_codes(missing),
        store=store,
    ):
        ended(result.item["asked"], keep(result, store))
        progress.advance(len(result.item["asked"]))


def metric_codes(missing: Iterable[Values]) -> Iterator[Planned]:
    """The code that these values are planned to be measured with."""
    for values in missing:
        for name, metric in values.metrics.items():
            yield f"measurement {name}", modules(metric["spec"]["use"]), metric["code"]


def measured(item: Mapping[str, Any], shared: Mapping[str, Any]) -> list[dict[str, Any]]:
    """In the worker: of each condition the values as JSON, what failed, by measurement, and the facts of the record.
    Where the worker reaches the store it reads the outcomes there, and writes the values there.
    """
    store = Store(shared["store"]) if shared["store"] else None
    outcomes = {key: store.read("cells", key) for key in item["needed"]} if store else item["outcomes"]
    environment = environment_of("cpu", shared["checkout"])
    results = []
    for asked in item["asked"]:
        values, failed = measured_values(asked, outcomes)
        facts = {"run": asked.run, "condition": asked.condition, ENVIRONMENT: environment}
        found = {"values": json.dumps(values, sort_keys=True).encode(), "failed": failed, "facts": facts}
        if store:
            store_values(asked, found, store)
            del found["values"]
        results.append(found)
    return results


def store_values(asked: Values, found: Mapping[str, Any], store: Store) -> None:
    """Store the values, in place of those that an earlier try left incomplete."""
    store.write("values", asked.key, found["values"], found["facts"], again=True)


def measured_values(asked: Values, stored: Mapping[str, bytes]) -> tuple[dict[str, Any], dict[str, dict[str, str]]]:
    """The values under one condition, `{measurement: {part: [value, standard error, n] or a reason}}`, the flags of the
    outcomes, and for each measurement, where they are known, the deviations of its value over draws of the test
    examples; and, of each measurement whose metric raised an error, that error. `stored` are the outcomes by key.
    """
    outcomes = codecs.outcomes_from(stored[asked.cell_key])
    if asked.reference_key:
        outcomes = replace(outcomes, reference=codecs.outcomes_from(stored[asked.reference_key]))
    draws = example_draws(outcomes, asked.splits)
    values, replicates, failed = {}, {}, {}
    for name, metric in asked.metrics.items():
        spec = metric["spec"]
        try:
            found = values_of(outcomes, spec["use"], spec["options"], draws, scaled=spec["scaled"])
        except Exception as error:
            failed[name] = {"error": type(error).__name__, "message": str(error), "traceback": traceback.format_exc()}
            continue
        values[name], deviations = found
        if deviations is not None:
            replicates[name] = deviations
    return {"values": values, "flags": list(outcomes.flags), "replicates": replicates}, failed


def keep(result: Finished | Failed, store: Store) -> list[str]:
    """Store the values under each condition, where the worker has not, and what failed: of which, by key."""
    failed = []
    for position, asked in enumerate(result.item["asked"]):
        where = {"run": asked.run, "condition": asked.condition}
        if isinstance(result, Failed):
            failure = {name: getattr(result, name) for name in ("error", "message", "traceback")}
            store.write_failure("values", asked.key, {**where, **failure, "measurements": [*asked.metrics]})
            failed.append(asked.key)
            continue
        found = result.value[position]
        if "values" in found:
            store_values(asked, found, store)
        if not found["failed"]:
            store.forget_failure("values", asked.key)
            continue
        (first, failure), *_ = found["failed"].items()
        failure = {**failure, "message": f"{first}: {failure['message']}", "measurements": [*found["failed"]]}
        store.write_failure("values", asked.key, {**where, **failure})
        failed.append(asked.key)
    return failed
