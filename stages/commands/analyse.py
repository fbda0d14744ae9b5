"""`diffprog analyse`: the statistics of an imported study."""

import argparse
from pathlib import Path

from stages.imports.analysed import analyse_study

EXAMPLES = {
    "diffprog analyse --study my-table --out my-table": "effects and verdicts: printed, and as tables",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """`--study NAME --out FOLDER [--score SCORE]`."""
    parser.description = "The statistics of an imported study. (`dvc repro` analyses the study of params.yaml.)"
    parser.add_argument("--study", required=True, help="the name in its spec")
    parser.add_argument("--out", type=Path, required=True, help="the folder for the tables")
    parser.add_argument("--score", default="pc1", help="pc1 (default), mean, safetywashing, flops or a measurement")


def run(chosen: argparse.Namespace) -> int:
    """Write the tables; the exit status."""
    return analyse_study(chosen.study, chosen.out, chosen.score)
