"""Stage `report`: one page that works offline, and its charts as pictures and tables beside it."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from stages import artifacts, tables
from stages.artifacts import FINDINGS, REPORT, RETRY, RUN, Failures
from stages.claims.history import history
from stages.page.margins_section import SOURCES
from stages.page.measurement_charts import safety_points
from stages.page.overview import overview
from stages.page.pictures import stacked, write_pictures
from stages.page.reader_parts import reader_parts
from stages.page.rendering import rendered
from stages.page.reviewer import reviewer
from stages.page.sections import section
from stages.page.spreadsheets import write_csv
from stages.page.study_section import Planned, read_planned
from stages.page.tasks import Specs, tasks
from stages.page.verdict_text import answer
from stages.page.verdicts import STAR, STARRED, VERDICTS, style_name
from stages.part import read_looks, read_part
from stages.study.preregistration import planned_audit
from stages.terminal import say

RUN_COLUMNS = (
    "task",
    "dataset",
    "method",
    "model",
    "family",
    "parameters",
    "flops",
    "seed",
    "seconds",
    "status",
    "reason",
)


def build(
    results: pl.DataFrame,
    runs: pl.DataFrame,
    findings: Mapping[str, pl.DataFrame],
    folder: Path,
    plan: Planned,
    failures: Failures | None = None,
    looks: Sequence[Mapping[str, Any]] = (),
    exploratory: bool = False,
    when: str = "when that was fixed is not known",
) -> None:
    """Write index.html, the charts as SVG and PNG and plots/*.csv into the folder. The same input gives the same bytes.

    `results` is the table RESULTS; `runs` has a row per planned run, with those of RUN_COLUMNS that are known;
    `findings` are the tables of `analysis.findings`; `plan` is what was planned, the page's title with it; `failures`
    is what failed in each stage; `looks` are those that looks.json has, where the study is judged while it grows, and
    `exploratory` says that these runs are beyond them; `when` says when the audit was fixed.
    """
    (folder / "plots").mkdir(parents=True, exist_ok=True)
    specs: Specs = {}
    sections, settings = [], findings["settings"]
    shown = tasks(results, findings)
    for task in shown:
        sections.append(section(task, specs, plan, settings.filter(task=task.task)))
        names = task.results.filter(pl.col("axis") == "safety")["measurement"].unique().sort()
        points = pl.concat([safety_points(task, name) for name in names]) if len(names) else None
        for name, frame in {"safety_against_capability": points, **task.found}.items():
            if frame is not None and name in ("safety_against_capability", "effects", "verdicts"):
                write_csv(frame, folder / "plots" / f"{name}{task.slug}.csv")
    pictures = write_pictures(specs, folder)
    for kind in ("verdicts", "effects", "correlations"):  # one of each, whatever the number of tasks: DVC's plots
        of_tasks = {each.name: pictures[name][0] for each in shown if (name := f"{kind}{each.slug}") in pictures}
        if of_tasks and kind not in pictures:
            (folder / f"{kind}.svg").write_text(stacked(of_tasks), encoding="utf-8")
    judged = [(task, each["rows"]) for task, each in zip(shown, sections, strict=True)]
    page = rendered(
        "page.html",
        title=plan.name,
        overview=overview(judged),
        **reader_parts(judged, settings),
        alpha=settings["alpha"][0],
        rate=settings["false_discovery_rate"][0],
        digest=settings["digest"][0],
        absent=sorted({*plan.data} - {task.task for task in shown}),
        sections=sections,
        failures=_failures(failures or {}),
        looks=looks,
        exploratory=exploratory,
        labels=[{"name": name, "style": style_name(name), **each._asdict()} for name, each in VERDICTS.items()],
        star=(STAR, STARRED),
        weights=findings["capability_weights"].to_dicts(),
        reliability=findings["reliability"].to_dicts(),
        ledger=findings["ledger"].to_dicts(),
        selection=findings["selection"].to_dicts(),
        runs=_runs(runs),
        reviewer=reviewer(findings, runs, failures or {}, when),
        specs=specs,
        margin_sources=SOURCES | {"given": "params.yaml"},
    )
    (folder / "index.html").write_text(page, encoding="utf-8")


def _failures(failures: Failures) -> list[dict[str, Any]]:
    """A row for each thing that failed after training; the runs that failed are in the table of runs."""
    return [
        {"stage": stage, "name": name, **about}
        for stage in ("predict", "measure")
        for name, about in failures.get(stage, {}).items()
    ]


def _runs(runs: pl.DataFrame) -> dict[str, Any]:
    """The table of runs, the failed ones first, with the columns that are known and hold anything."""
    columns = [name for name in RUN_COLUMNS if name in runs.columns and runs[name].null_count() < len(runs)]
    keys = [name for name in ("method", "model", "seed") if name in columns]
    rows = runs.select(columns).sort(pl.col("status") != "failed", *keys).to_dicts()
    failed = [row for row in rows if row["status"] == "failed"]
    return {"columns": columns, "rows": rows, "failed": failed}


def main() -> None:
    """Write report/, and keep it with the plan in MLflow."""
    results = artifacts.RESULTS.read()
    runs = artifacts.RUNS.read().filter((pl.col("role") == RUN) | (pl.col("status") == "failed"))
    found = {path.stem: pl.read_parquet(path) for path in sorted(FINDINGS.glob("*.parquet"))}
    failures = artifacts.failures()
    part = read_part()
    looks = read_looks()[1] if part else []
    exploratory = part is not None and part.exploratory
    trained = [json.loads(each) for each in runs.filter(status="finished")["environment"] if each]
    when = history(planned_audit(), trained)["said"]
    build(results, runs, found, REPORT, read_planned(), failures, looks, exploratory, when)
    if any(failures.values()):
        tables.write_json(failures, RETRY)
    from stages.published import publish  # MLflow takes seconds to import

    publish()
    for line in answers(found["verdicts"]):
        say(line)
    print(f"the report is at {REPORT / 'index.html'}")


def answers(verdicts: pl.DataFrame) -> list[str]:
    """What was found, a line for each task. `verdicts` is the table VERDICTS of all tasks."""
    by_task = verdicts.filter(pl.col("area").is_not_null()).group_by("task", maintain_order=True)
    found = [f"{task}: {answer(rows.to_dicts())}" for (task,), rows in by_task]
    return found or ["no verdict: nothing that was measured could be judged"]
