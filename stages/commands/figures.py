"""`diffprog figures`: every chart of the report as a picture."""

import argparse
from pathlib import Path

from analysis.schema import TableError
from stages import artifacts
from stages.arguments import made, score_of
from stages.imports.analysed import figures_of
from stages.page.pictures import write_pictures
from stages.page.sections import charted
from stages.page.study_section import read_planned
from stages.stale import warn_if_edited

EXAMPLES = {
    "diffprog figures --out pictures": "every chart of the study's report, as SVG",
    "diffprog figures --study my-table --out pictures --format png": "those of an imported study, as PNG",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """`--out FOLDER [--format svg|png] [--study NAME [--score SCORE]]`."""
    parser.description = "Every chart of the report of the study of params.yaml, or of an imported one, as a picture."
    parser.add_argument("--out", type=Path, required=True, help="the folder for the pictures")
    parser.add_argument("--format", choices=("svg", "png"), default="svg", help="svg (default) or png")
    parser.add_argument("--study", help="the name in its spec, of an imported study")
    parser.add_argument("--score", help="of an imported study, as of `diffprog report`")


def run(chosen: argparse.Namespace) -> int:
    """Write the pictures; the exit status."""
    score = score_of(chosen)
    if not chosen.study:
        warn_if_edited()
    try:
        specs = figures_of(chosen.study, score) if chosen.study else _figures()
    except ValueError as error:
        raise TableError(str(error)) from error
    made(chosen.out)
    files = write_pictures(specs, chosen.out, chosen.format)
    print(f"{len(files)} pictures in {chosen.out}")
    return 0


def _figures() -> dict[str, dict[str, object]]:
    return charted(artifacts.RESULTS.read(), artifacts.findings(), read_planned())[2]
