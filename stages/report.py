"""Stage `report`: one page that works offline, with tables and the pictures that DVC shows beside it."""

import argparse
import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from stages import artifacts, tables
from stages.artifacts import REPORT, RETRY, RUN, Failures
from stages.claims.history import history
from stages.page.beside import EXAMPLES, RUNS, Beside
from stages.page.examples import COUNT, write_examples
from stages.page.margins_section import SOURCES
from stages.page.measurement_charts import safety_points
from stages.page.overview import overview
from stages.page.pictures import stacked, svg
from stages.page.reader_parts import reader_parts
from stages.page.rendering import rendered
from stages.page.reviewer import reviewer
from stages.page.run_page import Known, write_run_pages
from stages.page.sections import charted
from stages.page.spreadsheets import write_csv
from stages.page.study_section import Planned, read_planned
from stages.page.verdict_text import answer
from stages.page.verdicts import legend
from stages.page.walls import Stored
from stages.part import read_looks, read_part
from stages.store.store import Store
from stages.study.preregistration import planned_audit
from stages.terminal import say

PICTURES = ("verdicts", "effects", "correlations")  # what dvc.yaml has as plots: one of each, of all tasks
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
    beside: Beside | None = None,
    without_value: Sequence[str] = (),
) -> None:
    """Write index.html, PICTURES as SVG and plots/*.csv into the folder. The same input gives the same bytes.

    `results` is the table RESULTS; `runs` has a row per planned run, with those of RUN_COLUMNS that are known;
    `findings` are the tables of `analysis.findings`; `plan` is what was planned, the page's title with it; `failures`
    is what failed in each stage; `looks` are those that looks.json has, where the study is judged while it grows, and
    `exploratory` says that these runs are beyond them; `when` says when the audit was fixed, `beside` which pages there
    are to link to.
    """
    (folder / "plots").mkdir(parents=True, exist_ok=True)
    beside = beside or Beside()
    shown, sections, specs = charted(results, findings, plan, beside)
    for task in shown:
        names = task.results.filter(pl.col("axis") == "safety")["measurement"].unique().sort()
        points = pl.concat([safety_points(task, name) for name in names]) if len(names) else None
        for name, frame in {"safety_against_capability": points, **task.found}.items():
            if frame is not None and name in ("safety_against_capability", "effects", "verdicts"):
                write_csv(frame, folder / "plots" / f"{name}{task.slug}.csv")
    for kind in PICTURES:
        of_tasks = {each.name: svg(specs[name]) for each in shown if (name := f"{kind}{each.slug}") in specs}
        if of_tasks:
            alone = len(shown) == 1
            picture = next(iter(of_tasks.values())) if alone else stacked(of_tasks)
            (folder / f"{kind}.svg").write_text(picture, encoding="utf-8")
    settings = findings["settings"]
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
        **legend(),
        weights=findings["capability_weights"].to_dicts(),
        reliability=findings["reliability"].to_dicts(),
        ledger=findings["ledger"].to_dicts(),
        selection=findings["selection"].to_dicts(),
        runs=_runs(runs, beside),
        without_value=without_value,
        reviewer=reviewer(findings, runs, failures or {}, when, without_value),
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


def _runs(runs: pl.DataFrame, beside: Beside) -> dict[str, Any]:
    """The table of runs, the failed ones first, with the columns that are known and hold anything."""
    columns = [name for name in RUN_COLUMNS if name in runs.columns and runs[name].null_count() < len(runs)]
    keys = [name for name in ("method", "model", "seed") if name in columns]
    rows = runs.select(columns).sort(pl.col("status") != "failed", *keys).to_dicts()
    for row in rows:
        row["page"] = beside.run(row.get("task", ""), row["method"], row["model"], row["seed"])
    failed = [row for row in rows if row["status"] == "failed"]
    own = runs.filter(role=RUN) if "role" in runs.columns else runs
    planned, lost = len(own), len(own.filter(status="failed"))
    return {"columns": columns, "rows": rows, "failed": failed, "planned": planned, "lost": lost}


def write(folder: Path, examples: int) -> Failures:
    """Write the report of the study in this folder, with so many examples of each condition; what failed in each
    stage.
    """
    results, plan, failures = artifacts.RESULTS.read(), read_planned(), artifacts.failures()
    runs, store = artifacts.RUNS.read(), Store.from_environment()
    known = Known(runs, _facts(runs, store), artifacts.unmeasured(), failures)
    stored = Stored(runs, artifacts.OUTCOMES.read(), store)
    written = write_run_pages(results, plan, known, folder) | write_examples(plan, stored, examples, folder)
    part, found = read_part(), artifacts.findings()
    shown = runs.filter((pl.col("role") == RUN) | (pl.col("status") == "failed"))
    trained = [json.loads(each) for each in shown.filter(status="finished")["environment"] if each]
    build(
        results,
        shown,
        found,
        folder,
        plan,
        failures,
        read_looks()[1] if part else [],
        part is not None and part.exploratory,
        history(planned_audit(), trained)["said"],
        Beside(written),
        artifacts.without_value(known.unmeasured),
    )
    for line in answers(found["verdicts"]):
        say(line)
    print(f"the report is at {folder / 'index.html'}")
    return failures


def _facts(runs: pl.DataFrame, store: Store) -> dict[str, Mapping[str, Any]]:
    finished = runs.filter(status="finished")["run_key"]
    return {key: entry.facts for key, entry in store.entries("runs", finished).items()}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """`--examples N`."""
    parser.add_argument(
        "--examples",
        type=_whole,
        default=COUNT,
        metavar="N",
        help=f"examples of each condition, shared among its methods; 0 for none ({COUNT})",
    )


def _whole(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of at least 0")
    return int(text)


def main(examples: int = COUNT) -> None:
    """Write report/, and keep it with the plan in MLflow."""
    for pages in (RUNS, EXAMPLES):  # of an earlier plan
        shutil.rmtree(REPORT / pages, ignore_errors=True)
    failures = write(REPORT, examples)
    if any(failures.values()):
        tables.write_json(failures, RETRY)
    from stages.published import publish  # MLflow takes seconds to import

    publish()


def answers(verdicts: pl.DataFrame) -> list[str]:
    """What was found, a line for each task. `verdicts` is the table VERDICTS of all tasks."""
    by_task = verdicts.filter(pl.col("area").is_not_null()).group_by("task", maintain_order=True)
    found = [f"{task}: {answer(rows.to_dicts())}" for (task,), rows in by_task]
    return found or ["no verdict: nothing that was measured could be judged"]
