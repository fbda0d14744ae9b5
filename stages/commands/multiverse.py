"""`diffprog multiverse`: each verdict under every defensible analysis of the same results."""

import argparse
import shutil
import textwrap
from pathlib import Path
from typing import Any

import polars as pl

from analysis.audit.looks import Look
from analysis.audit.multiverse import multiverse
from analysis.audit.schema import MULTIVERSE, VERDICTS
from analysis.audit.selection import planned_runs
from analysis.capability import SCORES, capability_scores, capability_weights
from analysis.findings import SCORE, SENSITIVITY, with_deviations
from analysis.scales import distances_from_targets
from stages import artifacts
from stages.analyse import SEED, look_of
from stages.artifacts import Artifact, by_task
from stages.claims.chosen import of_methods
from stages.part import read_part
from stages.stale import warn_if_edited
from stages.study.preregistration import TaskAudit, planned_audit
from stages.terminal import say

WRITTEN = Artifact(Path("multiverse.parquet"), by_task(MULTIVERSE))
AREA = ["task", "dataset", "method", "measurement"]
EXAMPLES = {
    "diffprog multiverse": "all methods",
    "diffprog multiverse adversarial": "one",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """`[METHOD]`."""
    parser.description = (
        "Each verdict under every defensible analysis of the same results: which share of them gives it, "
        "and which single choice gives another. About ten seconds; all methods go to multiverse.parquet."
    )
    parser.add_argument("method", nargs="?", help="show this method alone")


def run(chosen: argparse.Namespace) -> int:
    """Write multiverse.parquet, and print it."""
    warn_if_edited()
    verdicts = artifacts.finding(VERDICTS)
    if chosen.method is not None:
        of_methods(verdicts, chosen.method)
    results, replicates, fixed = artifacts.RESULTS.read(), artifacts.REPLICATES.read(), planned_audit()
    runs = artifacts.RUNS.read().filter(role=artifacts.RUN)
    part, frames = read_part(), [WRITTEN.table.empty()]
    for task in verdicts["task"].unique().sort():
        tables = (results, runs, replicates, verdicts)
        own, of_plan, moved, judged = (frame.filter(task=task).drop("task") for frame in tables)
        look = look_of(task, part) if part else None
        rows = of_task(own, of_plan, moved, judged, fixed.of(task), look)
        frames.append(rows.select(pl.lit(task).alias("task"), pl.all()))
    found = WRITTEN.write(pl.concat(frames))
    shown = found.join(verdicts.select(*AREA, "area"), on=AREA)
    shown = shown if chosen.method is None else shown.filter(method=chosen.method)
    for (name, dataset, method), rows in shown.group_by("task", "dataset", "method", maintain_order=True):
        say(f"{name} ({dataset}), {method}: the share of analyses that give the verdict, and single choices that don't")
        print("\n".join(_lines(rows.to_dicts())), end="\n\n")
    before = len(verdicts.filter(tier="primary")) - len(found)
    print(f"{len(found)} verdicts: {WRITTEN.path}" + (f"; {before} others rest on earlier looks" if before else ""))
    return 0


def of_task(
    results: pl.DataFrame,
    runs: pl.DataFrame,
    replicates: pl.DataFrame,
    verdicts: pl.DataFrame,
    fixed: TaskAudit,
    look: Look | None,
) -> pl.DataFrame:
    """The table MULTIVERSE of one task, from the results that its verdicts were made of, at the look they are of."""
    oriented = distances_from_targets(results)
    scores = pl.concat([capability_scores(oriented, score=score) for score in SCORES])
    held, scored = with_deviations(results, scores, replicates, capability_weights(oriented))
    score, accuracy = (scored.filter(score_name=name) for name in (SCORE, SENSITIVITY))
    return multiverse(held, score, accuracy, verdicts, fixed.settings, SEED, look, planned_runs(runs, oriented))


def _lines(rows: list[dict[str, Any]]) -> list[str]:
    areas, labels = (max(len(name), *(len(row[name]) for row in rows)) + 2 for name in ("area", "label"))
    head = f"  {'area':<{areas}}{'verdict':<{labels}}{'analyses':>8}{'same':>7}   "
    wide = max(24, min(120, shutil.get_terminal_size().columns) - len(head))
    lines = [f"{head}another by one choice"]
    for row in rows:
        said = textwrap.wrap(row["flips"] or "none", wide)
        counts = f"{row['analyses']:>8}{100 * row['kept']:>5.0f} %"
        lines.append(f"  {row['area']:<{areas}}{row['label']:<{labels}}{counts}   {said[0]}")
        lines += [" " * len(head) + line for line in said[1:]]
    return lines
