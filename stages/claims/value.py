"""A value of one run, made again from stored outcomes."""

import re
from dataclasses import replace
from typing import Any

import polars as pl

from analysis.schema import TableError
from pipelines.measuring import ALL
from stages import artifacts
from stages.claims.rounding import near
from stages.errors import reason
from stages.making.values import measured_values
from stages.needed import measured_runs, values_of
from stages.records import Values
from stages.store import provenance
from stages.store.store import Store

FORM = "[TASK/]METHOD/MODEL/SEED:CONDITION/METRIC"
CELL = re.compile(r"(?P<run>[^:]+):(?P<condition>[^/]+)/(?P<metric>[^/]+)(/(?P<part>.+))?")


def verified_value(cell: str) -> int:
    """Print a value made again from stored outcomes beside the one in results.parquet; 1 where they differ."""
    match = CELL.fullmatch(cell)
    if not match:
        raise TableError(f"{cell!r} is not {FORM}, with /PART where one is meant")
    runs = measured_runs()
    one = runs.filter((pl.col("run") == match["run"]) | pl.col("run").str.ends_with(f"/{match['run']}"))
    if one.is_empty():
        raise TableError(f"{match['run']!r} is not one of the {len(runs)} finished runs, the first {_first(runs)}")
    if len(one) > 1:
        raise TableError(f"{match['run']!r} is a run of several tasks: {', '.join(one['run'])}")
    measurement, part = f"{match['condition']}/{match['metric']}", match["part"] or ALL
    again, asked = _made_again(one, match["condition"], measurement, part)
    same_run = [pl.col(name) == one[name][0] for name in ("task", "method", "model", "seed")]
    results = artifacts.RESULTS.read()
    at_step = pl.col("step") == one["steps"][0]
    row = results.filter(*same_run, at_step, pl.col("measurement") == measurement, pl.col("part") == part)
    if row.is_empty():
        raise TableError(f"{artifacts.RESULTS.path}: no value of {cell}")
    held = row["value"][0]
    print(f"{cell}\n  from the stored outcomes  {again!r}   (cell {asked.cell_key})")
    print(f"  in {artifacts.RESULTS.path}        {held!r}")
    same = near(again, held)
    if again != held:
        print(f"  {_environments(asked, Store.from_environment())}")
    print("  the same" if again == held else f"  they differ by {again - held:.3g}{', rounding' * same}")
    return 0 if same else 1


def _first(runs: pl.DataFrame) -> str:
    return "none" if runs.is_empty() else repr(runs["run"][0])


def _made_again(run: pl.DataFrame, condition: str, measurement: str, part: str) -> tuple[float, Values]:
    store = Store.from_environment()
    for asked in values_of(run):
        if asked.condition == condition and measurement in asked.metrics:
            stored = {key: store.read("cells", key) for key in asked.outcomes}
            alone = replace(asked, metrics={measurement: asked.metrics[measurement]})
            found = _values(alone, stored, measurement)
            if part not in found:
                raise TableError(f"{measurement} has no part {part!r}: {', '.join(found)}")
            if isinstance(found[part], str):
                raise TableError(f"{measurement} can't be measured there: {found[part]}")
            return float(found[part][0]), asked
    names = ", ".join(artifacts.PLANNED_MEASUREMENTS.read()["measurement"])
    raise TableError(f"{measurement!r} of {run['run'][0]} is not among what was measured: {names}")


def _values(asked: Values, stored: dict[str, bytes], measurement: str) -> dict[str, Any]:
    found, failed = measured_values(asked, stored)
    if failed:
        raise TableError(f"{measurement} can't be measured there: {reason(failed[measurement])}")
    values: dict[str, Any] = found["values"][measurement]
    return values


def _environments(asked: Values, store: Store) -> str:
    """In what the environment that made the stored values differs from this one."""
    entry = store.entry("values", asked.key)
    then = entry.facts.get(provenance.ENVIRONMENT, {}) if entry else {}
    here = provenance.environment("cpu", int(then.get("threads", 1)), provenance.checkout())
    return f"measured then and now with {provenance.differences(then, here)}"
