"""The commands about the audit: one method's case, a number made again from stored outcomes, and what a study can show
before it is run.
"""

import argparse
import math
import re
import textwrap
from collections import Counter
from typing import Any

import polars as pl

from analysis.audit.foresight import assumed_spread, foreseen, spread_of_claims
from analysis.audit.margins import margins_digest
from analysis.audit.schema import EXTERNALITIES, MARGINS, SETTINGS, VERDICTS
from analysis.tables import LEDGER, Table, TableError
from pipelines.measuring import ALL
from stages import planned, tables
from stages.analyse import FINDINGS
from stages.collect import RESULTS
from stages.commands import estimate
from stages.measure import cell_values, keyed, measured_runs
from stages.page.verdict_text import reason
from stages.plan import FOLDER
from stages.store import provenance
from stages.store.store import Store
from stages.study import params
from stages.train import reason as failure_reason

CELL = re.compile(r"(?P<run>[^:]+):(?P<condition>[^/]+)/(?P<metric>[^/]+)(/(?P<part>.+))?")
SEEDS = (2, 5, 10, 20)
ASSUMED = 0.2  # logits: one pair of small convolutional networks on digits (analysis.audit.simulated)


def audit(chosen: argparse.Namespace) -> int:
    """Print one method's case: its verdicts with what they rest on, side effects, the placebos', its runs."""
    verdicts = _finding(VERDICTS)
    methods = verdicts["method"].unique().sort().to_list()
    if chosen.method not in methods:
        raise TableError(f"{chosen.method!r} is not one of the methods that were audited: {', '.join(methods)}")
    mine = verdicts.filter(pl.col("method") == chosen.method, pl.col("area").is_not_null())
    print(f"{chosen.method}: does it make models safer beyond what its effect on their capability explains?")
    for (dataset,), rows in mine.group_by("dataset", maintain_order=True):
        print(f"\n{dataset}, against standard training of the same model with the same seed")
        print("\n".join(_case(rows.to_dicts())))
    print("\n".join(["", *_side_effects(chosen.method), *_placebos(verdicts), *_runs(chosen.method)]))
    print(f"audit           {_finding(SETTINGS)['digest'].item()}, of all its choices, fixed before the run")
    print(f"margins         {margins_digest(_finding(MARGINS))}, fixed in params.yaml or from the ladder")
    return 0


def verify(chosen: argparse.Namespace) -> int:
    """Print a number made again from stored outcomes beside the one in results.parquet; 1 where they differ."""
    match = CELL.fullmatch(chosen.cell)
    if not match:
        raise TableError(f"{chosen.cell!r} is not METHOD/MODEL/SEED:CONDITION/METRIC, with /PART where one is meant")
    runs = measured_runs()
    one = runs.filter(pl.col("run") == match["run"])
    if one.is_empty():
        raise TableError(f"{match['run']!r} is not one of the {len(runs)} finished runs, the first {_first(runs)}")
    measurement, part = f"{match['condition']}/{match['metric']}", match["part"] or ALL
    again, cell = _made_again(one, match["condition"], measurement, part)
    same_run = [pl.col(name) == one[name][0] for name in ("domain", "dataset", "method", "model", "seed")]
    results = tables.read(tables.RESULTS, RESULTS)
    at_step = pl.col("step") == one["steps"][0]
    row = results.filter(*same_run, at_step, pl.col("measurement") == measurement, pl.col("part") == part)
    if row.is_empty():
        raise TableError(f"{RESULTS}: no value of {chosen.cell}")
    held = row["value"][0]
    print(f"{chosen.cell}\n  from the stored outcomes  {again!r}   (cell {cell['cell_key']})")
    print(f"  in {RESULTS}        {held!r}")
    same = math.isclose(again, held, rel_tol=1e-9, abs_tol=1e-12)
    if again != held:
        print(f"  {_environments(cell, Store.from_environment())}")
    print("  the same" if again == held else f"  they differ by {again - held:.3g}{', rounding' * same}")
    return 0 if same else 1


def plan(chosen: argparse.Namespace) -> int:
    """Print what params.yaml asks for, and what of it is done and what the rest will cost; with --power, instead, what
    such a study can show.
    """
    study = params.read(chosen.file)
    fixed = study.audit
    for domain in study.domains:
        others, models, seeds = len(domain.methods) - 1, len(domain.models), len(domain.seeds)
        safety = [f"{item.condition}/{item.name}" for item in domain.measurements if item.axis == "safety"]
        areas = {area: name for area, name in fixed.areas.items() if name in safety} or {name: name for name in safety}
        claims = max(others * len(areas), 1)
        print(f"{study.name}: {others} methods against standard in {len(areas)} areas: {claims} claims")
        print(f"{models} models x {seeds} seeds a method, {(others + 1) * models * seeds} runs")
        if not chosen.power:
            continue
        spread, source = _spread(chosen, fixed, areas, models)
        found = foreseen(spread, models=models, seeds=sorted({seeds, *SEEDS}), claims=claims)
        print(f"\nspread of D: {source}")
        print("\n".join(_power(found, planned=seeds, claims=claims)), end="\n\n")
    print(planned.audit_line(fixed))
    if not chosen.power:
        print("\n".join(estimate.lines(study, Store.from_environment())))
    return 0


def _finding(table: Table) -> pl.DataFrame:
    path = FINDINGS / f"{table.name}.parquet"
    if not path.exists():
        raise TableError(f"{path}: not there yet; `dvc repro` makes it")
    return tables.read(table, path)


def _case(rows: list[dict[str, Any]]) -> list[str]:
    first = rows[0]
    lines = [f"  capability      {_interval(first, 'capability')}   margin {first['capability_margin']:.2f}", ""]
    lines += [f"  {'area':<22}{'verdict':<15}{'beyond capability (D)':<25}{'in all (T)':<25}{'margin':<9}pairs"]
    for row in rows:
        shown = f"{_interval(row, 'beyond'):<25}{_interval(row, 'total'):<25}{row['margin']:<9.2f}{row['pairs']}"
        lines.append(f"  {row['area']:<22}{row['label']:<15}{shown} of {row['models']} models")
    reasons = [
        f"  {row['area']}: {row['qualifier'] or reason(row)}" for row in rows if row["qualifier"] or row["reason"]
    ]
    flags = [
        f"  {row['area']}: {row['label_without_flagged']} without {row['flagged_runs']} flagged runs"
        for row in rows
        if row["flagged_runs"]
    ]
    return [*lines, *(["", *reasons, *flags] if reasons or flags else [])]


def _side_effects(method: str) -> list[str]:
    rows = _finding(EXTERNALITIES).filter(pl.col("method") == method)
    counts, level = Counter(rows["direction"]), 100 * (1 - _finding(SETTINGS)["alpha"].item())
    counted = f"{counts['up']} better, {counts['down']} worse, {counts['unclear']} unclear"
    lines = [f"all measured    {counted} ({level:.4g} % intervals)"]
    for direction, word in (("up", "better"), ("down", "worse")):
        names = rows.filter(pl.col("direction") == direction)["measurement"].to_list()
        lines += textwrap.wrap(", ".join(names), 110, initial_indent=f"  {word:<14}", subsequent_indent=" " * 16)
    return lines


def _placebos(verdicts: pl.DataFrame) -> list[str]:
    labels = Counter(verdicts.filter(pl.col("placebo"), pl.col("area").is_not_null())["label"])
    said = ", ".join(f"{count} {label}" for label, count in sorted(labels.items()))
    return [f"placebos        {said}" if said else "placebos        none in this study"]


def _runs(method: str) -> list[str]:
    rows = _finding(LEDGER).filter(pl.col("method") == method).to_dicts()
    counts = ("planned", "finished", "failed", "flagged")
    return [f"runs            {', '.join(f'{row[name]} {name}' for name in counts)}" for row in rows]


def _interval(row: dict[str, Any], name: str) -> str:
    if row[name] is None:
        return "not known"
    return f"{row[name]:+.2f} [{row[f'{name}_lower']:+.2f}, {row[f'{name}_upper']:+.2f}]"


def _first(runs: pl.DataFrame) -> str:
    return "none" if runs.is_empty() else repr(runs["run"][0])


def _made_again(run: pl.DataFrame, condition: str, measurement: str, part: str) -> tuple[float, dict[str, Any]]:
    planned = tables.read(tables.PLANNED_MEASUREMENTS, FOLDER / "measurements.parquet")
    store = Store.from_environment()
    for cell in keyed(run, planned):
        if cell["condition"] == condition and measurement in cell["metrics"]:
            stored = {key: store.read("cells", key) for key in (cell["cell_key"], cell["reference_key"]) if key}
            alone = {**cell, "metrics": {measurement: cell["metrics"][measurement]}}
            values = _values(alone, stored, measurement)
            if part not in values:
                raise TableError(f"{measurement} has no part {part!r}: {', '.join(values)}")
            if isinstance(values[part], str):
                raise TableError(f"{measurement} can't be measured there: {values[part]}")
            return float(values[part][0]), cell
    names = ", ".join(planned["measurement"])
    raise TableError(f"{measurement!r} of {run['run'][0]} is not among what was measured: {names}")


def _values(cell: dict[str, Any], stored: dict[str, bytes], measurement: str) -> dict[str, Any]:
    found, failed = cell_values(cell, stored)
    if failed:
        raise TableError(f"{measurement} can't be measured there: {failure_reason(failed[measurement])}")
    values: dict[str, Any] = found["values"][measurement]
    return values


def _environments(cell: dict[str, Any], store: Store) -> str:
    """In what the environment that made the stored values differs from this one."""
    entry = store.entry("values", cell["values_key"])
    then = entry.facts.get(provenance.ENVIRONMENT, {}) if entry else {}
    here = provenance.environment("cpu", int(then.get("threads", 1)), provenance.checkout())
    return f"measured then and now with {provenance.differences(then, here)}"


def _spread(chosen: argparse.Namespace, fixed: Any, areas: dict[str, str], models: int) -> tuple[pl.DataFrame, str]:
    held = FINDINGS / f"{VERDICTS.name}.parquet"
    if chosen.sd is None and held.exists() and RESULTS.exists():
        found = spread_of_claims(_finding(VERDICTS))
        found = found.filter(pl.col("area").is_in(list(areas)))
        if len(found):
            return found, f"of the study that was run here ({held.parent}/)"
    sd = ASSUMED if chosen.sd is None else chosen.sd
    margins = [(area, fixed.settings.margins.safety.get(name, 0.0)) for area, name in areas.items()]
    said = "--sd" if chosen.sd is not None else "no study was run here: that of small convolutional networks on digits"
    return assumed_spread(sd, margins, models=models), f"{sd:g} a pair, assumed ({said})"


def _power(found: pl.DataFrame, *, planned: int, claims: int) -> list[str]:
    among = f"among {claims}"
    lines = [
        "The least true D (in logits, or log of an error) that 80 % of such studies would call beyond its margin, for",
        f"one claim alone and {among}; and the least margin within which a true zero would be shown to be none.",
        "",
        f"  {'area':<22}{'seeds':>6}{'margin':>9}{'alone':>9}{among:>12}{'no effect':>11}",
    ]
    for row in found.iter_rows(named=True):
        mark = " planned" if row["seeds"] == planned else ""
        margin = f"{row['margin']:.2f}" if row["margin"] else "?"
        numbers = f"{margin:>9}{row['alone']:>9.2f}{row['among']:>12.2f}{row['equivalence']:>11.2f}"
        lines.append(f"  {row['area']:<22}{row['seeds']:>6}{numbers}{mark}")
    return lines
