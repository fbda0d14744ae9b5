"""What the report shows of one task: its charts, and the rows of its tables as they are printed."""

from collections.abc import Mapping
from typing import Any

import polars as pl

from analysis.findings import SCORE
from stages.page import charts, verdict_charts, verdict_text
from stages.page.beside import Beside
from stages.page.format import Row, effect_rows, interval
from stages.page.margins_section import margins_section
from stages.page.measurement_charts import measurement_charts
from stages.page.plane_charts import pillar_fronts
from stages.page.study_section import (
    Planned,
    about_measurements,
    false_alarms,
    not_in_score,
    study_section,
    without_verdict,
)
from stages.page.tasks import Specs, TaskResults, tasks
from stages.page.verdict_section import verdict_parts


def charted(
    results: pl.DataFrame, findings: Mapping[str, pl.DataFrame], plan: Planned, beside: Beside | None = None
) -> tuple[list[TaskResults], list[dict[str, Any]], Specs]:
    """The tasks that have results, what the template shows of each, and the charts of all."""
    specs: Specs = {}
    shown, settings, there = tasks(results, findings), findings["settings"], beside or Beside()
    return shown, [section(task, specs, plan, settings.filter(task=task.task), there) for task in shown], specs


def section(task: TaskResults, specs: Specs, plan: Planned, settings: pl.DataFrame, beside: Beside) -> dict[str, Any]:
    """What the template shows of one task. Its charts go into `specs`, under the names of their files; `settings` is
    the table SETTINGS, `beside` has the pages that verdicts have links to.
    """
    about = about_measurements(plan, task.task)
    verdicts = task.found["verdicts"].with_columns(
        pl.col("measurement").replace_strict(list(task.shown), range(len(task.shown)), default=99).alias("order"),
        pl.col("measurement").replace_strict(about, default="", return_dtype=pl.String).alias("about"),
    )
    verdicts = verdicts.join(
        _pages(task, verdicts, beside), on=["method", "measurement"], how="left", maintain_order="left"
    )
    return {
        "name": task.name,
        "slug": task.slug,
        "study": study_section(task, plan, settings),
        **verdict_parts(task, verdicts, specs),
        "without_verdict": without_verdict(task, plan, settings),
        "not_in_score": not_in_score(task),
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
        "externalities": [_externality(row, task) for row in task.found["externalities"].to_dicts()],
        "jumps": [{**row, "name": task.label(row["measurement"])} for row in task.found["jumps"].to_dicts()],
        "forecasts": _forecasts(task),
        "agreement": _agreement(task),
        "forecast_size": verdict_charts.SIZES[str(task.found["forecasts"]["axis"].first() or "log2_flops")],
        "risks": _risks(task, specs),
        "false_alarms": false_alarms(plan, task.task),
        "exposed": task.found["risks"]["exposure"].n_unique() > 1,
        "pillars": _pillars(task, verdicts, specs),
    }


def _pages(task: TaskResults, verdicts: pl.DataFrame, beside: Beside) -> pl.DataFrame:
    """Of each verdict, the addresses of the runs and of the examples that it is about."""
    conditions = dict(task.results.select("measurement", "condition").unique().iter_rows())
    rows = [
        {
            "method": method,
            "measurement": measurement,
            "runs_page": beside.runs(task.task, method),
            "examples_page": beside.examples(task.task, conditions.get(measurement, ""), method),
        }
        for method, measurement in verdicts.select("method", "measurement").unique().iter_rows()
    ]
    names = ("method", "measurement", "runs_page", "examples_page")
    return pl.DataFrame(rows, schema=dict.fromkeys(names, pl.String))


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
            pl.DataFrame(correlations),
            measurements=[measure.label for measure in task.shown.values()],
            populations=("ladder", "methods", "pooled"),
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


def _pillars(task: TaskResults, verdicts: pl.DataFrame, specs: Specs) -> list[Row]:
    """D over each pillar, and its chart beside E; E is that of the first of the pillar's measurements."""
    found = task.found["pillars"]
    price = [f"capability{end}" for end in ("", "_lower", "_upper")]
    of = verdicts.sort("order").unique(["method", "pillar"], keep="first").select("method", "pillar", "placebo", *price)
    rows = found.join(of, on=["method", "pillar"]).drop_nulls(price)
    if len(rows):
        specs[f"fronts{task.slug}"] = pillar_fronts(rows, methods=task.others)
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
