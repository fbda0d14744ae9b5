"""CSV that a spreadsheet opens as text and numbers: a name from a table is never run as a formula."""

from pathlib import Path

import polars as pl

FORMULA = r"^([=+\-@\t\r])"  # what a spreadsheet takes for a formula, at the start of a cell


def write_csv(frame: pl.DataFrame, path: Path) -> None:
    """Write the frame as CSV, with an apostrophe before each text that a spreadsheet would run; a list is one cell."""
    lists = [pl.col(name).list.eval(pl.element().cast(pl.String)).list.join(", ") for name in _lists(frame)]
    frame.with_columns(lists).with_columns(pl.col(pl.String).str.replace(FORMULA, "'${1}")).write_csv(path)


def _lists(frame: pl.DataFrame) -> list[str]:
    return [name for name, dtype in frame.schema.items() if isinstance(dtype, pl.List)]
