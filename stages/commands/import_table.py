"""`diffprog import`: a published table of results logged to MLflow, checked whole."""

import argparse
from pathlib import Path

from stages.imports.tracked import import_table

EXAMPLES = {
    "diffprog import results.csv --spec spec.yaml": "a table whose columns spec.yaml tells",
    "diffprog import logs/ --spec spec.yaml --strict": "a folder of evaluation logs, all of which must be readable",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """`TABLE --spec SPEC [--strict]`."""
    parser.add_argument(
        "table", type=Path, metavar="TABLE", help="CSV, TSV, Parquet, JSON, .eval, or a folder of result files"
    )
    parser.add_argument("--spec", type=Path, required=True, help="YAML: which columns are what")
    parser.add_argument("--strict", action="store_true", help="refuse a folder in which one file can't be read")


def run(chosen: argparse.Namespace) -> int:
    """Check and log the table; the exit status."""
    return import_table(chosen.table, chosen.spec, chosen.strict)
