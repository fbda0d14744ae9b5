"""What a table is, and the check of a frame against one."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl

Row = Mapping[str, Any]  # of a table, by column

TASK = ("domain", "dataset")  # the columns that identify one
RUN = (*TASK, "method", "model", "seed")
CLAIM = (*TASK, "method", "measurement")


@dataclass(frozen=True)
class Table:
    """A table's columns with their types, the key that is unique and sorts it, the columns that may be null, and those
    that may be infinite.
    """

    name: str
    columns: dict[str, pl.DataType | type[pl.DataType]]
    key: tuple[str, ...]
    nullable: tuple[str, ...] = ()
    infinite: tuple[str, ...] = ()

    def empty(self) -> pl.DataFrame:
        """The table without a row."""
        return pl.DataFrame(schema=self.columns)


class TableError(ValueError):
    """A frame that is not the table it should be; the message names the table, the column and the rows."""


def checked(frame: pl.DataFrame, table: Table) -> pl.DataFrame:
    """The frame in the table's column order, sorted by its key. Raises TableError where it is not that table."""
    _check_columns(frame, table)
    frame = frame.select(*table.columns).sort(table.key, nulls_last=True)
    for column in table.columns:
        if column not in table.nullable and frame[column].null_count():
            raise TableError(f"{table.name}: column {column!r} is empty in {frame[column].null_count()} rows")
    repeated = frame.filter(pl.struct(table.key).is_duplicated())
    if len(repeated):
        raise TableError(
            f"{table.name}: {len(repeated)} rows share a key, the first {repeated.select(table.key).row(0, named=True)}"
        )
    for column, dtype in table.columns.items():
        values = frame[column].drop_nulls()
        if dtype == pl.Float64 and (values.is_nan() | values.is_infinite() & (column not in table.infinite)).any():
            raise TableError(f"{table.name}: column {column!r} holds values that are not finite")
    return frame


def _check_columns(frame: pl.DataFrame, table: Table) -> None:
    missing = [name for name in table.columns if name not in frame.columns]
    unknown = [name for name in frame.columns if name not in table.columns]
    if missing or unknown:
        raise TableError(f"{table.name}: missing columns {missing}, unknown columns {unknown}")
    for name, dtype in table.columns.items():
        if frame.schema[name] != dtype:
            raise TableError(f"{table.name}: column {name!r} is {frame.schema[name]}, not {dtype}")
