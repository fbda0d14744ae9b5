"""`diffprog audit`: one method's case on one screen."""

import argparse
import textwrap
from collections import Counter
from collections.abc import Mapping
from typing import Any

import polars as pl

from analysis.audit.margins import margins_digest
from analysis.audit.schema import EXTERNALITIES, FRAGILITY, MARGINS, SETTINGS, VERDICTS
from analysis.schema import TableError
from analysis.tables import LEDGER
from stages.artifacts import finding
from stages.page.fragility_text import hangs_on
from stages.page.verdict_text import reason


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """`METHOD`."""
    parser.add_argument("method")


def run(chosen: argparse.Namespace) -> int:
    """Print one method's case: its verdicts with what they rest on, side effects, the placebos', its runs."""
    verdicts = finding(VERDICTS)
    methods = verdicts["method"].unique().sort().to_list()
    if chosen.method not in methods:
        raise TableError(f"{chosen.method!r} is not one of the methods that were audited: {', '.join(methods)}")
    mine = verdicts.filter(pl.col("method") == chosen.method, pl.col("area").is_not_null())
    print(f"{chosen.method}: does it make models safer beyond what its effect on their capability explains?")
    fragile = finding(FRAGILITY)
    for (task, dataset), rows in mine.group_by("task", "dataset", maintain_order=True):
        print(f"\n{task} ({dataset}), against standard training of the same model with the same seed")
        print("\n".join(_case(rows.to_dicts())))
        print("\n".join(_fragility(rows.to_dicts(), hangs_on(fragile.filter(task=task).to_dicts()))))
    print("\n".join(["", *_side_effects(chosen.method), *_placebos(verdicts), *_runs(chosen.method)]))
    print(f"audit           {finding(SETTINGS)['digest'][0]}, of all its choices, fixed before the run")
    print(f"margins         {margins_digest(finding(MARGINS))}, fixed in params.yaml or from the ladder")
    return 0


def _case(rows: list[dict[str, Any]]) -> list[str]:
    first = rows[0]
    lines = [f"  capability      {_interval(first, 'capability')}   margin {first['capability_margin']:.2f}", ""]
    lines += [f"  {'area':<22}{'verdict':<19}{'beyond capability (D)':<25}{'in all (T)':<25}{'margin':<9}pairs"]
    for row in rows:
        shown = f"{_interval(row, 'beyond'):<25}{_interval(row, 'total'):<25}{row['margin']:<9.2f}{row['pairs']}"
        lines.append(f"  {row['area']:<22}{row['label'] + ' ★' * row['starred']:<19}{shown} of {row['models']} models")
    reasons = [
        f"  {row['area']}: {row['qualifier'] or reason(row)}" for row in rows if row["qualifier"] or row["reason"]
    ]
    if claimed := [f"{row['area']} ({row['label']})" for row in rows if row["claimed"]]:
        reasons.insert(0, f"  claimed by its authors: {', '.join(claimed)}")
    flags = [
        f"  {row['area']}: {row['label_without_flagged']} without {row['flagged_runs']} flagged runs"
        for row in rows
        if row["flagged_runs"]
    ]
    return [*lines, *(["", *reasons, *flags] if reasons or flags else [])]


def _fragility(rows: list[dict[str, Any]], few: Mapping[tuple[str, str, str], str]) -> list[str]:
    lines = [
        textwrap.fill(f"{row['area']}: {said}", 124, initial_indent="    ", subsequent_indent="      ")
        for row in rows
        if (said := few.get((row["dataset"], row["method"], row["measurement"])))
    ]
    return ["", "  with fewer models, families or seeds:", *lines] if lines else []


def _side_effects(method: str) -> list[str]:
    rows = finding(EXTERNALITIES).filter(pl.col("method") == method)
    counts, level = Counter(rows["direction"]), 100 * (1 - finding(SETTINGS)["alpha"][0])
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
    rows = finding(LEDGER).filter(pl.col("method") == method).to_dicts()
    counts = ("planned", "finished", "failed", "flagged")
    return [f"runs            {', '.join(f'{row[name]} {name}' for name in counts)}" for row in rows]


def _interval(row: dict[str, Any], name: str) -> str:
    if row[name] is None:
        return "not known"
    return f"{row[name]:+.2f} [{row[f'{name}_lower']:+.2f}, {row[f'{name}_upper']:+.2f}]"
