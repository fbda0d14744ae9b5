"""Published results as one frame: CSV, TSV, Parquet and JSON tables, and the result files of evaluation libraries."""

from pathlib import Path

import polars as pl

from stages.imports.folders import from_files, left_out
from stages.imports.formats import inspect_frame
from stages.imports.json_tables import frame_of, json_lines_of, table
from stages.imports.logs import COLUMNS, KEY, LONG, gathered
from stages.imports.raw import Raw, named
from stages.imports.scores import Log, NotALog
from stages.imports.spec import Spec, WrongImport
from stages.imports.text import SEPARATORS, text_table

ACCEPTED = ".csv, .tsv (also .gz), .parquet, .json, .jsonl, .eval, or a folder of .json and .eval"


def read_table(path: Path, spec: Spec, *, strict: bool = False) -> Raw:
    """The table in a file, or in the result files below a folder. strict: no file and no row of it may be left out.
    Raises WrongImport.
    """
    kind = path.name.lower().removesuffix(".gz").rpartition(".")[2]
    if path.is_dir() or kind in ("json", "eval"):
        return from_files(path, spec, strict)
    if not path.is_file():
        raise WrongImport([f"{path.name}: no such file"])
    if kind == "jsonl" or kind == "ndjson":
        return _json_lines(path, spec)
    if f".{kind}" in SEPARATORS:
        frame, notes = text_table(path, SEPARATORS[f".{kind}"], spec.header)
    elif kind == "parquet":
        frame, notes = _parquet(path), []
    else:
        raise WrongImport([f"{path.name}: not one of: {ACCEPTED}"])
    if spec.format == "inspect" or (spec.format is None and inspect_frame.recognises(frame.columns)):
        return _inspect_frame(path.name, frame, notes, strict)
    return named(path.name, frame, notes)


def _parquet(path: Path) -> pl.DataFrame:
    try:
        return pl.read_parquet(path)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise WrongImport([f"{path.name}: not a Parquet file: {str(error).splitlines()[0]}"]) from error


def _json_lines(path: Path, spec: Spec) -> Raw:
    try:
        return table(path.name, json_lines_of(path), spec)
    except OSError as error:
        raise WrongImport([f"{path.name}: {error.strerror}"]) from error
    except WrongImport:
        raise
    except (ValueError, RecursionError) as error:
        raise WrongImport([f"{path.name}: not JSON lines: {error}"]) from error


def _inspect_frame(source: str, frame: pl.DataFrame, notes: list[str], strict: bool) -> Raw:
    """The rows of Inspect's data frame, as their logs would be read."""
    if not inspect_frame.recognises(frame.columns):
        raise WrongImport([f"{source}: not a data frame of Inspect's: it has the columns {', '.join(frame.columns)}"])
    logs: dict[str, Log] = {}
    reasons: dict[str, str] = {}
    for number, row in enumerate(frame.cast(pl.String).iter_rows(named=True), start=1):
        try:
            logs[f"row {number}"] = inspect_frame.read(row)
        except NotALog as error:
            reasons[f"row {number}, {row['model']}"] = str(error)
    if reasons and (strict or not logs):
        raise WrongImport([f"{source}: {row}: {reason}" for row, reason in reasons.items()])
    found = gathered(logs)
    rows = frame_of(source, found.rows, COLUMNS)
    return named(source, rows, [*notes, *left_out(reasons), *found.notes], found.directions, KEY, LONG)
