"""`diffprog check`: params.yaml checked, and what it asks for."""

import argparse
from pathlib import Path

from stages.study import params
from stages.study.watched import unwatched


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """`[FILE]`."""
    parser.add_argument("file", nargs="?", type=Path, default=Path("params.yaml"), help="default: params.yaml")


def run(chosen: argparse.Namespace) -> int:
    """Print what a params.yaml asks for, or raise WrongParams with every error in it."""
    study = params.read(chosen.file)
    for domain in study.domains:
        runs = len(domain.methods) * len(domain.models) * len(domain.seeds)
        print(f"{study.name}: {domain.domain} on {domain.data.use}")
        print(f"  {len(domain.methods)} methods   {', '.join(part.name for part in domain.methods)}")
        print(f"  {len(domain.models)} models   {', '.join(part.name for part in domain.models)}")
        print(f"  {len(domain.seeds)} seeds   {', '.join(map(str, domain.seeds))}")
        print(f"  {runs} runs x {len(domain.conditions)} conditions, {len(domain.measurements)} measurements")
        for line in unwatched(domain):
            print(f"  {line}")
    return 0
