"""`diffprog plan`: what params.yaml asks for, what of it is done, what the rest will cost, and what it can show."""

import argparse
from pathlib import Path

import polars as pl

from analysis.audit.prospective_power import prospective_power
from stages.commands import estimate
from stages.commands.margins import judged_areas, narrow, spread
from stages.store.store import Store
from stages.study import params

SEEDS = (2, 5, 10, 20)


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
        areas = judged_areas(task, fixed)
        claims = max(others * len(areas), 1)
        print(f"{study.name}: {task.name}: {others} methods against standard in {len(areas)} areas: {claims} claims")
        print(f"{models} models x {task.seed_counts} a method, {task.runs} runs")
        if not chosen.power:
            continue
        scatter, source = spread(task, fixed, chosen.sd)
        found = prospective_power(scatter, models=models, seeds=sorted({seeds, *SEEDS}), claims=claims)
        print(f"\nspread of D: {source}")
        print("\n".join(_power(found, planned=seeds, claims=claims)))
        print("\n".join(["", *narrow(task, fixed)]))
    print(study.audit.line)
    if not chosen.power:
        print("\n".join(estimate.lines(study, Store.from_environment())))
    return 0


def _power(found: pl.DataFrame, *, planned: int, claims: int) -> list[str]:
    among = f"among {claims}"
    lines = [
        "The least true D (in logits, or log of an error) that 80 % of such studies would call beyond its margin, for",
        f"one claim alone and for the only true one {among} (the more are true, the nearer to alone); and the least",
        "margin within which a true zero would be shown to be none.",
        "",
        f"  {'area':<22}{'seeds':>6}{'margin':>9}{'alone':>9}{among:>12}{'no effect':>11}",
    ]
    for row in found.iter_rows(named=True):
        mark = " planned" if row["seeds"] == planned else ""
        margin = f"{row['margin']:.2f}" if row["margin"] else "?"
        numbers = f"{margin:>9}{row['alone']:>9.2f}{row['among']:>12.2f}{row['equivalence']:>11.2f}"
        lines.append(f"  {row['area']:<22}{row['seeds']:>6}{numbers}{mark}")
    return lines
