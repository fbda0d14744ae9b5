"""`diffprog check`: params.yaml checked, and what it asks for."""

import argparse
from pathlib import Path

from stages.commands.margins import narrow
from stages.study import params
from stages.study.watched import unwatched


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """`[FILE]`."""
    parser.add_argument("file", nargs="?", type=Path, default=Path("params.yaml"), help="default: params.yaml")


def run(chosen: argparse.Namespace) -> int:
    """Print what a params.yaml asks for, or raise WrongParams with every error in it."""
    study = params.read(chosen.file)
    for task in study.tasks:
        print(f"{study.name}: {task.name}: {task.domain} on {task.data.use}")
        print(f"  {len(task.methods)} methods   {', '.join(part.name for part in task.methods)}")
        print(f"  {len(task.models)} models   {', '.join(part.name for part in task.models)}")
        print(f"  {task.seed_counts} a model")
        print(f"  {task.runs} runs x {len(task.conditions)} conditions, {len(task.measurements)} measurements")
        for line in (*unwatched(task.domain, task.data.spec()), *narrow(task, study.audit.of(task.name))):
            print(f"  {line}")
    return 0
