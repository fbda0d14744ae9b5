"""The part of the report that is of verdicts: their table and chart, and the gates they passed."""

from typing import Any

import polars as pl

from stages.page import charts, verdict_charts, verdict_text
from stages.page.format import Row
from stages.page.fragility_text import hangs_on
from stages.page.tasks import Specs, TaskResults
from stages.page.verdicts import STAR, VERDICTS, style_name

# What each gate asks of a claim; a name the audit adds later is shown without.
GATES = {
    "saturation": "the measurement is neither at its floor nor at its ceiling",
    "validity": "none of the method's runs has a flag that makes it invalid, such as masked gradients or a leak",
    "baseline validity": "nor has any standard run",
    "moves with scale": "standard models differ by more than three times what their seeds do",
    "pairs": "there are enough runs paired by model and seed",
    "equal FLOPs": "the method is held against standard training with the same FLOPs",
    "survivors": "the method's runs are not lost more often than others'",
    "ladder": "there are enough standard models for a ladder",
    "range": "the ladder covers the capability of the method's models",
    "capability reliability": "the capability score repeats over seeds",
}
DOWN = {"runs": "runs_page", "examples": "examples_page"}  # what a verdict has links to, where it is there


def verdict_parts(task: TaskResults, verdicts: pl.DataFrame, specs: Specs) -> dict[str, Any]:
    """What the template shows of a task's verdicts. `verdicts` is the table with `order`, of the measurements, and
    `about`, what a verdict on one holds for. The chart goes into `specs`.
    """
    rows = shown_rows(task, verdicts)
    primary = [row for row in rows if row["area"] is not None]
    named = {row["area"]: task.label(row["measurement"]) for row in primary}
    if primary:
        specs[f"verdicts{task.slug}"] = _verdict_chart(primary, task.others, list(named))
    return {
        "rows": rows,
        "verdict_table": _verdict_table(primary, task.others, named),
        "answer": verdict_text.answer(primary),
        "sentences": [
            {"method": method, "text": verdict_text.sentence(own)}
            for method in task.others
            if (own := [row for row in primary if row["method"] == method])
        ],
        "claims": sum(not row["placebo"] for row in primary),
        "verdicts": [_verdict(row, task) for row in rows],
        "gates": _gates(task),
        "failed_gates": _failed_gates(task),
    }


def shown_rows(task: TaskResults, verdicts: pl.DataFrame) -> list[Row]:
    """The verdicts in the order they are shown, each with its place among them for the page's scripts (`claim`), what
    it hangs on, and its method's effect on capability at every match (`prices`).
    """
    few = hangs_on(task.found["fragility"].to_dicts())
    prices = verdict_text.prices(task.found["estimates"].sort("match").to_dicts())
    return [
        {
            **row,
            "claim": f"{task.slug}/{place}",
            "hangs_on": few.get((row["dataset"], row["method"], row["measurement"])),
            "prices": prices.get((row["method"], row["measurement"]), {}),
        }
        for place, row in enumerate(verdicts.sort("order", "method").to_dicts())
    ]


def _verdict_table(primary: list[Row], methods: list[str], areas: dict[str, str]) -> dict[str, Any] | None:
    """The verdicts with areas or methods as rows, whichever are more: the table is read down. None without a verdict.

    areas   the measurement of each, as it is shown
    """
    if not primary:
        return None
    placebos = {row["method"] for row in primary if row["placebo"]}
    about = {row["area"]: row["about"] for row in primary}
    of_areas = [
        {"name": area, "beside": [each for each in (shown, about[area]) if each not in ("", area)], "placebo": False}
        for area, shown in areas.items()
    ]
    of_methods = [
        {"name": name, "beside": ["does nothing: a check"] * (name in placebos), "placebo": name in placebos}
        for name in methods
    ]
    down, across = ("area", "method") if len(areas) >= len(methods) else ("method", "area")
    rows, columns = (of_areas, of_methods) if down == "area" else (of_methods, of_areas)
    cells = {(row[down], row[across]): verdict_cell(row) for row in primary}
    return {
        "corner": down,
        "columns": columns,
        "rows": [{**row, "cells": [cells.get((row["name"], column["name"])) for column in columns]} for row in rows],
    }


def verdict_cell(row: Row) -> dict[str, Any]:
    """A verdict as its cell shows it; `row` is one of `shown_rows`."""
    return {
        "claim": row["claim"],
        "label": row["label"],
        "mark": VERDICTS[row["label"]].mark,
        "star": STAR if row["starred"] else "",
        "style": style_name(row["label"]),
        "beside": verdict_text.beside(row),
        "d": row["beyond"],
        "beyond": verdict_text.estimate(row, "beyond"),
        "natural": verdict_text.measured(row),
        "rests_on": verdict_text.rests_on(row),
        "claimed": row["claimed"],
        "placebo": row["placebo"],
        "down": [(name, row[page]) for name, page in DOWN.items() if row.get(page)],
    }


def _verdict(row: Row, task: TaskResults) -> dict[str, Any]:
    names = ("beyond", "total", "capability")
    return {
        **row,
        **verdict_cell(row),
        **{name: verdict_text.estimate(row, name) for name in names},
        "name": task.label(row["measurement"]),
        "unit": verdict_charts.UNITS[row["scale"]],
        "reason": verdict_text.reason(row),
    }


def _verdict_chart(rows: list[Row], methods: list[str], areas: list[str]) -> charts.Spec:
    known = [row for row in rows if row["beyond"] is not None]
    frame = pl.DataFrame(
        {
            "method": [row["method"] for row in known],
            "area": [row["area"] for row in known],
            "label": [row["label"] for row in known],
            **{
                name: [row[column] / row["margin"] for row in known]
                for name, column in (("d", "beyond"), ("low", "beyond_lower"), ("high", "beyond_upper"))
            },
            "hover": [verdict_text.estimate(row, "beyond") for row in known],
        },
        schema_overrides=dict.fromkeys(("d", "low", "high"), pl.Float64),
    )
    return verdict_charts.verdict_intervals(frame, methods=methods, areas=areas)


def _gates(task: TaskResults) -> list[Row]:
    counts = (
        task.found["gates"]
        .group_by("gate", maintain_order=True)
        .agg(pl.col("blocking").first(), passed=pl.col("passed").sum(), claims=pl.len())
    )
    order = {name: position for position, name in enumerate(GATES)}
    rows = [{**row, "asks": GATES.get(row["gate"], "")} for row in counts.to_dicts()]
    return sorted(rows, key=lambda row: order.get(row["gate"], len(order)))


def _failed_gates(task: TaskResults) -> list[Row]:
    """The gates that failed, one row where all methods share the detail."""
    failed = task.found["gates"].filter(~pl.col("passed"))
    rows = failed.group_by("gate", "measurement", "detail", "blocking").agg(pl.col("method").sort())
    everyone = failed["method"].n_unique()
    order = {"blocking": True, "gate": False, "measurement": False, "method": False}  # whether it descends
    return [
        {
            **row,
            "name": task.label(row["measurement"]),
            "methods": "all" if len(row["method"]) == everyone > 1 else ", ".join(row["method"]),
        }
        for row in rows.sort(list(order), descending=list(order.values())).to_dicts()
    ]
