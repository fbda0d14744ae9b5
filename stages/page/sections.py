"""What the report shows of one task: its charts, and the rows of its tables as they are printed."""

from typing import Any

import polars as pl

from analysis.findings import SCORE
from stages.page import charts, verdict_charts, verdict_text
from stages.page.format import Row, effect_rows, interval
from stages.page.margins_section import margins_section
from stages.page.measurement_charts import measurement_charts
from stages.page.study_section import Planned, about_measurements, false_alarms, study_section, without_verdict
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


def section(task: TaskResults, specs: Specs, plan: Planned, settings: pl.DataFrame) -> dict[str, Any]:
    """What the template shows of one task. Its charts go into `specs`, under the names of their files; `settings` is
    the table SETTINGS.
    """
    about = about_measurements(plan, task.task)
    verdicts = task.found["verdicts"].with_columns(
        pl.col("measurement").replace_strict(list(task.shown), range(len(task.shown)), default=99).alias("order"),
        pl.col("measurement").replace_strict(about, default="", return_dtype=pl.String).alias("about"),
    )
    few = verdict_text.hangs_on(task.found["fragility"].to_dicts())
    primary = [
        {**row, "hangs_on": few.get((row["dataset"], row["method"], row["measurement"]))}
        for row in verdicts.filter(pl.col("area").is_not_null()).sort("order", "method").to_dicts()
    ]
    named = {row["area"]: task.label(row["measurement"]) for row in primary}
    if primary:
        specs[f"verdicts{task.slug}"] = _verdict_chart(primary, task.others, list(named))
    return {
        "name": task.name,
        "slug": task.slug,
        "study": study_section(task, plan, settings),
        "verdict_table": _verdict_table(primary, task.others, named),
        "answer": verdict_text.answer(primary),
        "sentences": [
            {"method": method, "text": verdict_text.sentence(rows)}
            for method in task.others
            if (rows := [row for row in primary if row["method"] == method])
        ],
        "without_verdict": without_verdict(task, plan, settings),
        "claims": len(primary),
        "margins": margins_section(task),
        "doubling": next(
            (row["doubling"] for row in task.found["margins"].to_dicts() if row["measurement"] == "capability"), None
        ),
        "picks": measurement_charts(task, verdicts, specs),
        "effects": _effects(task, specs),
        "correlations": _correlations(task, specs),
        "rough": bool(task.found["correlations"]["rough"].any()),
        "restatements": [
            {**row, "name": task.label(row["measurement"])} for row in task.found["restatements"].to_dicts()
        ],
        "verdicts": [_verdict(row, task) for row in verdicts.sort("order", "method").to_dicts()],
        "externalities": [_externality(row, task) for row in task.found["externalities"].to_dicts()],
        "gates": _gates(task),
        "failed_gates": _failed_gates(task),
        "jumps": [{**row, "name": task.label(row["measurement"])} for row in task.found["jumps"].to_dicts()],
        "forecasts": _forecasts(task),
        "agreement": _agreement(task),
        "forecast_size": verdict_charts.SIZES[str(task.found["forecasts"]["axis"].first() or "log2_flops")],
        "risks": _risks(task, specs),
        "false_alarms": false_alarms(plan, task.task),
        "exposed": task.found["risks"]["exposure"].n_unique() > 1,
        "pillars": task.found["areas"].to_dicts(),
    }


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
    cells = {(row[down], row[across]): _cell(row) for row in primary}
    return {
        "corner": down,
        "columns": columns,
        "rows": [{**row, "cells": [cells.get((row["name"], column["name"])) for column in columns]} for row in rows],
    }


def _cell(row: Row) -> dict[str, Any]:
    return {
        "label": row["label"],
        "mark": VERDICTS[row["label"]].mark,
        "star": STAR if row["starred"] else "",
        "style": style_name(row["label"]),
        "beside": verdict_text.beside(row),
        "beyond": verdict_text.estimate(row, "beyond"),
        "natural": verdict_text.measured(row),
        "rests_on": verdict_text.rests_on(row),
        "claimed": row["claimed"],
        "placebo": row["placebo"],
        "hover": verdict_text.hover(row),
    }


def _verdict(row: Row, task: TaskResults) -> dict[str, Any]:
    names = ("beyond", "total", "capability")
    return {
        **row,
        **_cell(row),
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


def _effects(task: TaskResults, specs: Specs) -> list[Row]:
    effects = effect_rows(task.found["effects"], task.shown)
    cells = [row for row in effects if row["standardised"] is not None]
    names = ["method", "measurement", "group", "standardised", "effect", "interval", "standardised_interval", "pairs"]
    if cells:
        frame = pl.DataFrame(
            [{name: row[name] for name in (*names, "models", "beyond")} for row in cells], infer_schema_length=None
        )
        specs[f"effects{task.slug}"] = charts.effect_map(
            frame.rename({"standardised_interval": "standardised interval"}),
            methods=task.others,
            measurements=[measure.label for measure in task.shown.values()],
        )
    return effects


def _correlations(task: TaskResults, specs: Specs) -> list[Row]:
    rows = task.found["correlations"].filter(pl.col("score_name") == SCORE)
    correlations = [{**row, "measurement": task.label(row["measurement"])} for row in rows.to_dicts()]
    if correlations:
        specs[f"correlations{task.slug}"] = charts.correlation_intervals(
            pl.DataFrame(correlations), measurements=[measure.label for measure in task.shown.values()]
        )
    return [{**row, "interval": interval(row["low"], row["high"])} for row in correlations]


def _externality(row: Row, task: TaskResults) -> Row:
    return {
        **row,
        "name": task.label(row["measurement"]),
        "total": verdict_text.estimate(row, "total"),
        "beyond": verdict_text.estimate(row, "beyond"),
    }


def _risks(task: TaskResults, specs: Specs) -> list[Row]:
    found = task.found["risks"]
    if len(found):
        hazards = sorted(found["hazard"].unique())
        placed = found.with_columns(task=pl.col("hazard").replace_strict(hazards, range(len(hazards))))
        specs[f"risks{task.slug}"] = verdict_charts.residual_risks(placed, methods=task.methods, hazards=hazards)
    return found.to_dicts()


def _agreement(task: TaskResults) -> list[Row]:
    """A row for each method and shifted condition: how far accuracy predicted without labels is from the accuracy."""
    error = (pl.col("predicted") - pl.col("accuracy")).abs().mean()
    unshifted = (pl.col("unshifted_accuracy") - pl.col("accuracy")).abs().mean()
    found = task.found["agreement_line"].group_by("condition", "method", maintain_order=True)
    columns = ("slope", "r_squared", "on_the_line")
    return (
        found.agg(pl.len().alias("runs"), error.alias("error"), unshifted.alias("unshifted"), pl.col(columns).first())
        .sort("condition", "method")
        .to_dicts()
    )


def _forecasts(task: TaskResults) -> list[Row]:
    return [
        {
            **row,
            "name": task.label(row["measurement"]),
            "family": "all pooled" if row["family"] == "pooled" else row["family"],
            "x": 2 ** row["x"],
            "horizon": 2 ** row["horizon"],
            "inside": row["low"] <= row["observed"] <= row["high"],
        }
        for row in task.found["forecasts"].to_dicts()
    ]


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
    return [
        {
            **row,
            "name": task.label(row["measurement"]),
            "methods": "all" if len(row["method"]) == everyone > 1 else ", ".join(row["method"]),
        }
        for row in rows.sort("blocking", "gate", "measurement", descending=[True, False, False]).to_dicts()
    ]
