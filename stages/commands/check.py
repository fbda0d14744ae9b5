"""`diffprog check`: params.yaml checked, and what it asks for."""

import argparse
from pathlib import Path

from stages.commands.looks import several, shares, undecidable
from stages.commands.margins import narrow
from stages.study import params
from stages.study.expansion import expanded
from stages.study.watched import unwatched
from stages.terminal import say

EXAMPLES = {
    "diffprog check": "params.yaml of this folder",
    "diffprog check docs/studies/cifar10.yaml": "another study",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """`[FILE]`."""
    parser.add_argument("file", nargs="?", type=Path, default=Path("params.yaml"), help="default: params.yaml")


def run(chosen: argparse.Namespace) -> int:
    """Print what a params.yaml asks for, or raise WrongParams with every error in it."""
    study = params.read(chosen.file)
    expanded(study)  # as stage plan does, and for what it refuses
    for task in study.tasks:
        say(f"{study.name}: {task.name}: {task.domain} on {task.data.use}")
        say(f"  {len(task.methods)} methods   {', '.join(part.name for part in task.methods)}")
        say(f"  {len(task.models)} models   {', '.join(part.name for part in task.models)}")
        say(f"  {task.seed_counts} a model")
        say(f"  {task.runs} runs x {len(task.conditions)} conditions, {len(task.measurements)} measurements")
        for line in (*unwatched(task.domain, task.data.spec()), *narrow(task, study.audit.of(task.name))):
            say(f"  {line}")
    refused = undecidable(study)
    parts = ": `diffprog decide` makes the study in as many parts" if several(study) and not refused else ""
    say(f"{shares(study)}{parts}")
    for line in refused if several(study) else ():
        say(line)
    return 0
