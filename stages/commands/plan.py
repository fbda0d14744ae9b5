"""`diffprog plan`: what params.yaml asks for, what of it is done, what the rest will cost, and what it can show."""

import argparse
from pathlib import Path

import polars as pl

from analysis.audit.foresight import assumed_spread, foreseen, spread_of_claims
from analysis.audit.schema import VERDICTS
from stages import artifacts
from stages.artifacts import FINDINGS, finding
from stages.commands import estimate
from stages.store.store import Store
from stages.study import params
from stages.study.preregistration import TaskAudit

SEEDS = (2, 5, 10, 20)
ASSUMED = 0.2  # logits: one pair of small convolutional networks on digits (analysis.audit.simulated)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """`[FILE] [--power] [--sd SD]`."""
    parser.description = (
        "The claims and runs that params.yaml asks for, how many of them the store holds, and the "
        "core-hours of the rest: from the measured seconds of runs in the store, scaled by FLOPs, or else from a "
        "stated rate."
    )
    parser.add_argument("file", nargs="?", type=Path, default=Path("params.yaml"), help="default: params.yaml")
    parser.add_argument("--power", action="store_true", help="the effects that such a study would find")
    parser.add_argument("--sd", type=float, help="of one pair's D, where no study was run or another is meant")


def run(chosen: argparse.Namespace) -> int:
    """Print what params.yaml asks for, and what of it is done and what the rest will cost; with --power, instead, what
    such a study can show.
    """
    study = params.read(chosen.file)
    for task in study.tasks:
        fixed = study.audit.of(task.name)
        others, models = len(task.methods) - 1, len(task.models)
        seeds = min(map(len, task.seeds.values()))
        safety = [f"{item.condition}/{item.name}" for item in task.measurements if item.axis == "safety"]
        areas = {area: name for area, name in fixed.areas.items() if name in safety} or {name: name for name in safety}
        claims = max(others * len(areas), 1)
        print(f"{study.name}: {task.name}: {others} methods against standard in {len(areas)} areas: {claims} claims")
        print(f"{models} models x {task.seed_counts} a method, {task.runs} runs")
        if not chosen.power:
            continue
        spread, source = _spread(chosen, task.name, fixed, areas, models)
        found = foreseen(spread, models=models, seeds=sorted({seeds, *SEEDS}), claims=claims)
        print(f"\nspread of D: {source}")
        print("\n".join(_power(found, planned=seeds, claims=claims)), end="\n\n")
    print(study.audit.line)
    if not chosen.power:
        print("\n".join(estimate.lines(study, Store.from_environment())))
    return 0


def _spread(
    chosen: argparse.Namespace, task: str, fixed: TaskAudit, areas: dict[str, str], models: int
) -> tuple[pl.DataFrame, str]:
    held = FINDINGS / f"{VERDICTS.name}.parquet"
    if chosen.sd is None and held.exists() and artifacts.RESULTS.path.exists():
        found = spread_of_claims(finding(VERDICTS).filter(task=task).drop("task"))
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
