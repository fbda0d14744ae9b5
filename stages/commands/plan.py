"""`diffprog plan`: what params.yaml asks for, what of it is done, what the rest will cost, and what it can show."""

import argparse
import shutil
import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import polars as pl

from analysis.audit.prospective_power import prospective_power
from analysis.words import several
from stages import artifacts
from stages.arguments import above_0
from stages.claims.plan_text import plan_digest, plan_text
from stages.commands import estimate, looks
from stages.commands.margins import judged_areas, narrow, spread
from stages.deciding.choice import real
from stages.store.store import Store
from stages.study import params
from stages.study.expansion import described, expanded
from stages.study.model import Study, Task
from stages.terminal import print_json, say

SEEDS = (2, 5, 10, 20)
EXAMPLES = {
    "diffprog plan": "what would run, what is done already, and the core-hours of the rest",
    "diffprog plan --power --sd 0.3": "what such a study could show, were one pair's D to scatter by 0.3",
    "diffprog plan docs/studies/full.yaml --json": "another study, for scripts",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """`[FILE] [--power] [--sd SD] [--json]`."""
    parser.description = (
        "The claims and runs that params.yaml asks for, how many of them the store holds, and the "
        "core-hours of the rest: from the measured seconds of runs in the store, scaled by FLOPs, or else from a "
        "stated rate."
    )
    parser.add_argument("file", nargs="?", type=Path, default=Path("params.yaml"), help="default: params.yaml")
    parser.add_argument("--power", action="store_true", help="the effects that such a study would find")
    parser.add_argument(
        "--sd", type=above_0("a standard deviation"), help="of one pair's D, where no study was run or another is meant"
    )
    parser.add_argument("--json", action="store_true", help="for scripts")


def run(chosen: argparse.Namespace) -> int:
    """Print what params.yaml asks for, and what of it is done and what the rest will cost; with --power, instead, what
    such a study can show.
    """
    study = params.read(chosen.file)
    of_tasks = [_asked(study, task, chosen) for task in study.tasks]
    found: dict[str, Any] = {"study": study.name, "tasks": of_tasks, "audit": study.audit.digest}
    if not chosen.power:
        rows = expanded(study)
        planned = artifacts.PLANNED_RUNS.frame(rows[0])
        left = estimate.rests(study, rows, Store.from_environment())
        text = plan_text(_tables(rows), {task.name: described(task) for task in study.tasks}, study.audit.digest)
        found["plan"] = plan_digest(text)
        found["looks"] = looks.looks(study, planned)
        found["stages"] = None if left is None else [{**asdict(each), "to_do": each.to_do} for each in left]
    if chosen.json:
        print_json(found)
        return 0
    for task in of_tasks:
        for line in _lines(study, task):
            say(line)
    say(study.audit.line)
    if not chosen.power:
        say(f"plan     {found['plan']}, the digest of all of it: published before the run, it shows that it was")
        say(looks.line(study, planned))
        counts = f"{len(rows[0])} runs and {len(rows[1])} conditions"
        unknown = f"{counts}: what is done is known once the data are prepared (`dvc repro prepare`)"
        for line in [unknown] if left is None else [each.line for each in left]:
            say(line)
    return 0


def _tables(rows: estimate.Rows) -> list[pl.DataFrame]:
    kinds = (artifacts.PLANNED_RUNS, artifacts.PLANNED_CELLS, artifacts.PLANNED_MEASUREMENTS)
    return [kind.frame(own) for kind, own in zip(kinds, rows, strict=True)]


def _asked(study: Study, task: Task, chosen: argparse.Namespace) -> dict[str, Any]:
    """What a task asks for; with --power what it can show, too."""
    fixed = study.audit.of(task.name)
    judged = real(study)[task.name]
    models = len(task.models)
    seeds = min(map(len, task.seeds.values()))
    areas = judged_areas(task, fixed)
    claims = max(len(judged) * len(areas), 1)
    found = {
        "task": task.name,
        "methods": len(judged),
        "placebos": len(task.methods) - 1 - len(judged),
        "areas": len(areas),
        "claims": claims,
        "models": models,
    }
    found |= {"seeds": {name: len(each) for name, each in task.seeds.items()}, "runs": task.runs}
    if not chosen.power:
        return found
    scatter, source = spread(task, fixed, chosen.sd)
    rows = prospective_power(scatter, models=models, seeds=sorted({seeds, *SEEDS}), claims=claims)
    power = rows.with_columns(planned=pl.col("seeds") == seeds).to_dicts()
    return {**found, "spread": source, "power": power, "narrow_margins": narrow(task, fixed)}


def _lines(study: Study, asked: Mapping[str, Any]) -> Iterator[str]:
    task = next(task for task in study.tasks if task.name == asked["task"])
    against = f"{several(asked['methods'], 'method')} against standard in {several(asked['areas'], 'area')}"
    beside = f", beside {several(asked['placebos'], 'placebo')}" * bool(asked["placebos"])
    yield f"{study.name}: {task.name}: {against}: {several(asked['claims'], 'claim')}{beside}"
    yield f"{several(asked['models'], 'model')} x {task.seed_counts} a method, {several(asked['runs'], 'run')}"
    if "power" in asked:
        yield f"\nspread of D: {asked['spread']}"
        yield from _power(asked["power"], asked["claims"])
        yield from ("", *asked["narrow_margins"])


def _power(found: list[dict[str, Any]], claims: int) -> Iterator[str]:
    among = f"among {claims}"
    yield textwrap.fill(
        "The least true D (in logits, or log of an error) that 80 % of such studies would call beyond its margin, for "
        f"one claim alone and for the only true one {among} (the more are true, the nearer to alone); and the least "
        "margin within which a true zero would be shown to be none.",
        min(100, shutil.get_terminal_size().columns),
    )
    yield ""
    wide = max((len(row["area"]) for row in found), default=0) + 2
    yield f"  {'area':<{wide}}{'seeds':>5}{'margin':>8}{'alone':>8}{among:>11}{'no effect':>11}"
    for row in found:
        margin = f"{row['margin']:.2f}" if row["margin"] else "?"
        numbers = f"{margin:>8}{row['alone']:>8.2f}{row['among']:>11.2f}{row['equivalence']:>11.2f}"
        yield f"  {row['area']:<{wide}}{row['seeds']:>5}{numbers}{' planned' * row['planned']}"
