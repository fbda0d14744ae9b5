"""Reading and writing the small tables that pass between stages: Parquet, checked, sorted, the same bytes each time."""

import io
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import polars as pl

from analysis.schema import Table, TableError, checked


def frame(rows: list[dict[str, Any]], table: Table) -> pl.DataFrame:
    """Rows as the table."""
    return checked(pl.DataFrame(rows, schema=table.columns), table)


def write(rows: list[dict[str, Any]] | pl.DataFrame, table: Table, path: Path) -> pl.DataFrame:
    """Check and write a table. Raises TableError."""
    found = checked(rows, table) if isinstance(rows, pl.DataFrame) else frame(rows, table)
    content = io.BytesIO()
    found.write_parquet(content, compression="zstd", statistics=False)
    _put(content.getvalue(), path)
    return found


def _put(content: bytes, path: Path) -> None:
    """Write a file aside, then in its place."""
    aside = path.with_suffix(".part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        aside.write_bytes(content)
        os.replace(aside, path)
    except OSError as error:
        aside.unlink(missing_ok=True)
        raise TableError(f"{path}: cannot be written: {error.strerror}") from error


def read(table: Table, path: Path) -> pl.DataFrame:
    """Read and check a table. Raises TableError."""
    try:
        return checked(pl.read_parquet(path), table)
    except FileNotFoundError as error:
        raise TableError(f"{path}: not there yet; `dvc repro` makes it") from error
    except (OSError, pl.exceptions.PolarsError) as error:
        raise TableError(f"{path}: not the table {table.name!r}: {error}") from error


def write_json(content: Mapping[str, Any], path: Path) -> None:
    """Write JSON with sorted keys. Raises TableError."""
    _put((json.dumps(content, indent=2, sort_keys=True) + "\n").encode(), path)
