"""CSV that a spreadsheet opens as text and numbers: a name from a table is never run as a formula."""

from pathlib import Path

import polars as pl

FORMULA = r"^([=+\-@\t\r])"  # what a spreadsheet takes for a formula, at the start of a cell


def write_csv(frame: pl.DataFrame, path: Path) -> None:
    """Write the frame as CSV, with an apostrophe before each text that a spreadsheet would run."""
    frame.with_columns(pl.col(pl.String).str.replace(FORMULA, "'${1}")).write_csv(path)
