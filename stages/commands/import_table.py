"""`diffprog import`: a published table of results logged to MLflow, checked whole."""

import argparse
from pathlib import Path

from stages.imports.tracked import import_table


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """`TABLE --spec SPEC`."""
    parser.add_argument(
        "table", type=Path, metavar="TABLE", help="CSV, TSV, Parquet, JSON, or a folder of result files"
    )
    parser.add_argument("--spec", type=Path, required=True, help="YAML: which columns are what")


def run(chosen: argparse.Namespace) -> int:
    """Check and log the table; the exit status."""
    return import_table(chosen.table, chosen.spec)
