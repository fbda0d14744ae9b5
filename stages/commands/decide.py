"""`diffprog decide`: the study look by look, each method only until it is decided."""

import argparse
import os
import re
import shutil
from collections.abc import Callable
from contextlib import chdir
from pathlib import Path

from stages.arguments import above_0, made
from stages.commands.looks import undecidable
from stages.deciding import records
from stages.deciding.looking import Looking, Refused
from stages.part import PART, read_part
from stages.study import params
from stages.study.checks import WrongParams
from stages.terminal import say

UNITS = {"s": 1, "m": 60, "h": 3600}
EXAMPLES = {
    "diffprog decide --budget 2h": "as many looks as fit into two hours",
    "diffprog decide --core-hours 10": "as many as fit into ten core-hours; called again, it goes on",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """`[--budget TIME | --core-hours N] [--folder FOLDER] [--exploratory]`."""
    parser.description = (
        "Make the study in the parts that `audit.looks` of params.yaml plans, judge it after each, and go on with the "
        "methods that are still open. It works in a folder of its own, with the store and the MLflow of this one: "
        "nothing is trained twice. Called again, it goes on where it was."
    )
    budget = parser.add_mutually_exclusive_group()
    budget.add_argument("--budget", type=seconds, metavar="TIME", help="of this call, as 40m or 2h")
    budget.add_argument("--core-hours", type=above_0("a number of core-hours"), metavar="N", help="of this call")
    parser.add_argument("--folder", type=Path, default=Path("decided"), help="default: decided/")
    parser.add_argument(
        "--exploratory", action="store_true", help="all runs of params.yaml as it is now, beyond the planned looks"
    )


def seconds(text: str) -> float:
    """A time such as 90s, 40m or 1.5h. Raises ArgumentTypeError."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)([smh])", text)
    if not found or not float(found[1]):
        raise argparse.ArgumentTypeError(f"{text!r} is not a time such as 90s, 40m or 1.5h")
    return float(found[1]) * UNITS[found[2]]


def run(chosen: argparse.Namespace) -> int:
    """Take the looks that are left, as far as the budget reaches; print why it stops, and what each look found."""
    if read_part():
        raise WrongParams([f"{PART}: this folder holds a part of a study; run `diffprog decide` in the study's own"])
    study = params.read()
    if refused := undecidable(study):
        raise WrongParams(refused)
    made(chosen.folder, "--folder")
    if chosen.folder.resolve() == Path.cwd():
        raise WrongParams([f"--folder {chosen.folder}: is the study's own; name another"])
    source, home = Path("params.yaml").resolve(), os.path.relpath(Path.cwd(), chosen.folder.resolve())
    with chdir(chosen.folder):
        audit, taken = records.read()
        records.check(taken, audit, study.audit.digest)
        shutil.copyfile(source, "params.yaml")
        looking = Looking(study, home, taken, _budget(chosen))
        try:
            why = looking.explore() if chosen.exploratory else looking.run()
        except Refused as stage:
            return stage.status
        if not looking.records:
            print(why)
            return 0
        say("\n".join(looking.table()))
        say(f"{why}; the report is at {chosen.folder / 'report' / 'index.html'}")
    return 0


def _budget(chosen: argparse.Namespace) -> Callable[[float, float], float]:
    """Core-seconds that are left, given the core-seconds of runs and the seconds that went by in this call."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    if chosen.budget is not None:
        return lambda worked, passed: (chosen.budget - passed) * cores
    if chosen.core_hours is not None:
        return lambda worked, passed: chosen.core_hours * 3600 - worked
    return lambda worked, passed: float("inf")
