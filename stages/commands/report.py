"""`diffprog report`: the page of the study in this folder, or of an imported one, in another folder."""

import argparse
from pathlib import Path

from analysis.schema import TableError
from stages import report
from stages.arguments import made, score_of
from stages.imports.analysed import report_study
from stages.page.examples import COUNT
from stages.stale import warn_if_edited

EXAMPLES = {
    "diffprog report --out elsewhere --examples 500": "the study's report with more examples of each condition",
    "diffprog report --study my-table --out my-page": "my-page/index.html",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """`--out FOLDER [--examples N]`, or `--study NAME --out FOLDER [--score SCORE]`."""
    parser.description = (
        "The report of the study that was planned and run here, or of an imported one, in another folder."
    )
    parser.add_argument("--out", type=Path, required=True, help="the folder for the page")
    report.add_arguments(parser)
    parser.add_argument("--study", help="the name in its spec, of an imported study")
    parser.add_argument(
        "--score", help="of an imported study: pc1 (default), mean, safetywashing, flops or a measurement"
    )


def run(chosen: argparse.Namespace) -> int:
    """Write the page; the exit status."""
    score = score_of(chosen)
    if chosen.study:
        if chosen.examples != COUNT:
            raise TableError("--examples has no effect with --study: models measured elsewhere have none")
        return report_study(chosen.study, chosen.out, score)
    made(chosen.out)
    warn_if_edited()
    report.write(chosen.out, chosen.examples)
    return 0
