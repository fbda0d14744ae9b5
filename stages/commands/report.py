"""`diffprog report`: the page of an imported study."""

import argparse
from pathlib import Path

from stages.imports.analysed import report_study

EXAMPLES = {
    "diffprog report --study my-table --out my-page": "my-page/index.html",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """`--study NAME --out FOLDER [--score SCORE]`."""
    parser.description = "The page of an imported study. (`dvc repro` makes that of the study of params.yaml.)"
    parser.add_argument("--study", required=True, help="the name in its spec")
    parser.add_argument("--out", type=Path, required=True, help="the folder for the page")
    parser.add_argument("--score", default="pc1", help="pc1 (default), mean, safetywashing, flops or a measurement")


def run(chosen: argparse.Namespace) -> int:
    """Write the page; the exit status."""
    return report_study(chosen.study, chosen.out, chosen.score)
