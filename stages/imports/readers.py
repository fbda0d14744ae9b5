"""Published results as one frame: CSV, TSV, Parquet and JSON tables, and the result files of evaluation libraries."""

import json
from pathlib import Path

import polars as pl

from stages.imports.folders import from_files, left_out
from stages.imports.formats import inspect_frame
from stages.imports.json_tables import frame_of, json_lines_of, table
from stages.imports.logs import COLUMNS, KEY, LONG, gathered
from stages.imports.raw import Raw, named
from stages.imports.scores import Log, NotALog
from stages.imports.sound import sound
from stages.imports.spec import Spec, WrongImport
from stages.imports.text import SEPARATORS, text_table

OF_TABLES = ("table", "inspect")  # formats of a file that is no log: Inspect writes data frames, too
ACCEPTED = ".csv, .tsv, .json, .jsonl (also .gz), .parquet, .eval, or a folder of .json and .eval"


def read_table(path: Path, spec: Spec, *, strict: bool = False) -> Raw:
    """The table in a file, or in the result files below a folder. strict: no file and no row of it may be left out.
    Raises WrongImport.
    """
    kind = path.name.lower().removesuffix(".gz").rpartition(".")[2]
    of_logs = path.is_dir() or kind in ("json", "eval")
    if not of_logs and not path.is_file():
        raise WrongImport([f"{path.name}: no such file"])
    faults = []
    if spec.header > 1 and (of_logs or f".{kind}" not in SEPARATORS):
        faults.append(f"{spec.source}: header: has no effect: {path.name} has no rows of header")
    if not of_logs and spec.format not in (None, *OF_TABLES):
        faults.append(f"{spec.source}: format: {spec.format!r} has no effect: {path.name} is a table")
    if faults:
        raise WrongImport(faults)
    if of_logs:
        return from_files(path, spec, strict)
    if kind == "jsonl" or kind == "ndjson":
        return _json_lines(path, spec)
    if f".{kind}" in SEPARATORS:
        frame, notes = text_table(path, SEPARATORS[f".{kind}"], spec.header)
    elif kind == "parquet":
        frame, notes = _parquet(path), []
    else:
        raise WrongImport([f"{path.name}: not one of: {ACCEPTED}"])
    if spec.format == "inspect" or (spec.format is None and inspect_frame.recognises(frame.columns)):
        return _inspect_frame(path.name, frame, notes, spec, strict)
    return named(path.name, frame, notes)


def _parquet(path: Path) -> pl.DataFrame:
    try:
        return pl.read_parquet(path)
    except (OSError, pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
        reason = next(iter(str(error).splitlines()), type(error).__name__)
        raise WrongImport([f"{path.name}: not a Parquet file: {reason}"]) from error


def _json_lines(path: Path, spec: Spec) -> Raw:
    try:
        return table(path.name, json_lines_of(path), spec)
    except OSError as error:
        raise WrongImport([f"{path.name}: {error.strerror or error}"]) from error
    except WrongImport:
        raise
    except (ValueError, RecursionError) as error:
        raise WrongImport([f"{path.name}: not JSON lines: {error}"]) from error


def _inspect_frame(source: str, frame: pl.DataFrame, notes: list[str], spec: Spec, strict: bool) -> Raw:
    """The rows of Inspect's data frame, as their logs would be read."""
    if not inspect_frame.recognises(frame.columns):
        raise WrongImport([f"{source}: not a data frame of Inspect's: it has the columns {', '.join(frame.columns)}"])
    logs: dict[str, Log] = {}
    reasons: dict[str, str] = {}
    for number, row in enumerate(frame.select(map(_text, frame)).iter_rows(named=True), start=1):
        try:
            log, wrong = sound(inspect_frame.read(row), spec.missing)
            reasons |= {f"row {number}, {row['model']}: {score!r}": reason for score, reason in wrong.items()}
            logs |= {f"row {number}": log} if log.scores or not wrong else {}
        except NotALog as error:
            reasons[f"row {number}, {row['model']}"] = str(error)
    if reasons and (strict or not logs):
        raise WrongImport([f"{source}: {row}: {reason}" for row, reason in reasons.items()])
    found = gathered(logs)
    rows = frame_of(source, found.rows, COLUMNS)
    return named(source, rows, [*notes, *left_out(reasons), *found.notes], found.directions, KEY, LONG)


def _text(column: pl.Series) -> pl.Series:
    """A column as text; lists and structures as JSON."""
    if not column.dtype.is_nested():
        return column.cast(pl.String, strict=False)
    cells = [None if cell is None else json.dumps(cell, default=str) for cell in column.to_list()]
    return pl.Series(column.name, cells, dtype=pl.String)
