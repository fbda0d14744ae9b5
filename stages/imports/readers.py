"""Published results as one frame: CSV, TSV, Parquet and JSON tables, and the result files of evaluation libraries."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl

from stages.imports import logs
from stages.imports.spec import LONGEST, Spec, WrongImport, spaced

SEPARATORS = {".csv": ",", ".tsv": "\t"}
UNFIT = r"[\p{Cc}\p{Cf}]"  # control characters, and those that are invisible or turn the direction of text
MOST_LINES = 100


@dataclass(frozen=True)
class Raw:
    """A table as it was read: cells are text or numbers, names are trimmed. `lower`: measurements known to be better
    when lower; `key` and `long`: what the format itself says of the columns.
    """

    source: str
    frame: pl.DataFrame
    notes: list[str] = field(default_factory=list)
    lower: frozenset[str] = frozenset()
    key: tuple[str, ...] = ()
    long: Mapping[str, Any] | None = None


def read_table(path: Path, spec: Spec) -> Raw:
    """The table in a file, or in the JSON files below a folder. Raises WrongImport."""
    if path.is_dir() or path.suffix == ".json":
        return _from_json(path, spec)
    if not path.is_file():
        raise WrongImport([f"{path.name}: no such file"])
    if path.suffix in SEPARATORS:
        frame, notes = _text_table(path, SEPARATORS[path.suffix])
    elif path.suffix == ".parquet":
        frame, notes = _parquet(path), []
    else:
        remark = "; `inspect log convert --to json` makes JSON of it" if path.suffix == ".eval" else ""
        raise WrongImport([f"{path.name}: not one of: .csv, .tsv, .parquet, .json, or a folder of .json{remark}"])
    if spec.format == "inspect" or (spec.format is None and logs.is_inspect_frame(frame.columns)):
        return _named(path.name, frame, notes, key=("model",), long=logs.INSPECT_FRAME)
    return _named(path.name, frame, notes)


def short(name: object) -> str:
    """A name as it stands in a message: quoted, its odd characters escaped, at most 60 characters of it."""
    text = str(name)
    return repr(text if len(text) <= 60 else text[:57] + "...")


def _text_table(path: Path, separator: str) -> tuple[pl.DataFrame, list[str]]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise WrongImport(
            [f"{path.name}: not UTF-8 text: byte {error.start} is {error.object[error.start]:#04x}"]
        ) from error
    except OSError as error:
        raise WrongImport([f"{path.name}: {error.strerror}"]) from error
    _check_lines(path.name, text, separator)
    try:
        cells = pl.read_csv(text.encode(), separator=separator, has_header=False, infer_schema=False)
    except pl.exceptions.PolarsError as error:
        raise WrongImport([f"{path.name}: not a table: {str(error).splitlines()[0]}"]) from error
    header = [str(name or "") for name in cells.row(0)]
    blank = pl.all_horizontal(pl.all().is_null())
    rows = cells.slice(1)
    kept = rows.filter(~blank)
    notes = [f"{len(rows) - len(kept)} blank lines left out"] if len(kept) < len(rows) else []
    _check_header(path.name, header)
    return kept.rename(dict(zip(cells.columns, header, strict=True))), notes


def _check_lines(source: str, text: str, separator: str) -> None:
    """Raise WrongImport unless every record has as many cells as the header."""
    bare = re.sub(r'"[^"]*"', "", text)
    if '"' in bare:
        raise WrongImport([f"{source}: a quotation mark that is never closed"])
    records = pl.Series(bare.rstrip("\r\n").split("\n")).str.strip_chars_end("\r")
    if len(records) < 2:
        raise WrongImport([f"{source}: no rows"])
    cells = records.str.count_matches(separator, literal=True) + 1
    odd = ((cells != cells[0]) & (records != "")).arg_true()
    lines = [f"{source}: row {row}: {cells[row]} cells where the header has {cells[0]}" for row in odd[:MOST_LINES]]
    if len(odd) > MOST_LINES:
        lines.append(f"{source}: and {len(odd) - MOST_LINES:,} more rows with another number of cells")
    if lines:
        raise WrongImport(lines)


def _check_header(source: str, header: list[str]) -> None:
    names = [spaced(name) for name in header]
    faults = [
        f"{source}: duplicate column {short(name)}, {names.count(name)} times"
        if name
        else f"{source}: a column has no name"
        for name in dict.fromkeys(names)
        if names.count(name) > 1 or not name
    ]
    if faults:
        raise WrongImport(faults)


def _parquet(path: Path) -> pl.DataFrame:
    try:
        return pl.read_parquet(path)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise WrongImport([f"{path.name}: not a Parquet file: {str(error).splitlines()[0]}"]) from error


def _from_json(path: Path, spec: Spec) -> Raw:
    files = sorted(path.rglob("*.json")) if path.is_dir() else [path]
    if not files:
        raise WrongImport([f"{path.name}: no .json file in this folder"])
    faults: list[str] = []
    contents: dict[Path, Any] = {}
    for file in files:
        try:
            contents[file] = json.loads(file.read_text(encoding="utf-8"), object_pairs_hook=_once)
        except OSError as error:
            faults.append(f"{file.name}: {error.strerror}")
        except (ValueError, RecursionError) as error:
            faults.append(f"{file.name}: not JSON: {error}")
    if faults:
        raise WrongImport(faults)
    chosen = spec.format or logs.format_of(next(iter(contents.values())))
    if chosen == "table":
        if len(files) > 1:
            raise WrongImport([f"{path.name}: {len(files)} .json files of no format that is known; say 'format'"])
        return _named(path.name, _records(path.name, contents[path if path in contents else files[0]]), [])
    rows, lower = _logs(chosen, contents)
    frame = _records(path.name, rows)
    key, long = logs.SHAPES[chosen]
    return _named(path.name, frame, [f"{len(files)} {chosen} files"], frozenset(lower), key, long)


def _logs(chosen: str, contents: Mapping[Path, Any]) -> tuple[list[dict[str, Any]], set[str]]:
    rows: list[dict[str, Any]] = []
    lower: set[str] = set()
    faults: list[str] = []
    for file, content in contents.items():
        try:
            found, falling = logs.READERS[chosen](file, content)
        except logs.NotThatFormat as error:
            faults.append(f"{file.name}: {error}")
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            faults.append(f"{file.name}: not in the form of {chosen}: {type(error).__name__}: {error}")
        else:
            rows += found
            lower |= falling
    if faults:
        raise WrongImport(faults)
    return rows, lower


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"duplicate key {next(name for name in names if names.count(name) > 1)!r} in one object")
    return found


def _records(source: str, rows: Any) -> pl.DataFrame:
    if not isinstance(rows, list) or not rows or not all(isinstance(row, dict) for row in rows):
        raise WrongImport([f"{source}: not a list of objects, one for each row"])
    columns = list(dict.fromkeys(name for row in rows for name in row))
    _check_header(source, columns)
    try:
        return pl.DataFrame({name: [_cell(row.get(name)) for row in rows] for name in columns}).cast(pl.String)
    except UnicodeEncodeError as error:
        raise WrongImport([f"{source}: text that is not Unicode: {error.object[error.start]!r}"]) from error


def _cell(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return json.dumps(value)


def _named(
    source: str,
    frame: pl.DataFrame,
    notes: list[str],
    lower: frozenset[str] = frozenset(),
    key: tuple[str, ...] = (),
    long: Mapping[str, Any] | None = None,
) -> Raw:
    """The table with trimmed, composed (NFC) column names. Raises WrongImport on names that are unfit."""
    _check_header(source, frame.columns)
    if not len(frame):
        raise WrongImport([f"{source}: no rows"])
    names = pl.Series([spaced(name) for name in frame.columns])
    faults = unfit_names(source, "column", names)
    if faults:
        raise WrongImport(faults)
    changed = sum(spaced(name) != name for name in frame.columns)
    if changed:
        notes = [*notes, f"{changed} column names had newlines or runs of spaces, now one space"]
    return Raw(source, frame.rename(dict(zip(frame.columns, names, strict=True))), notes, lower, key, long)


def unfit_names(source: str, what: str, names: pl.Series) -> list[str]:
    """A line for each name that cannot be shown or stored as it is: too long, or with characters nobody sees."""
    hidden = names.filter(names.str.contains(UNFIT).fill_null(False)).unique(maintain_order=True)
    long = names.filter((names.str.len_chars() > LONGEST).fill_null(False)).unique(maintain_order=True)
    lines = [f"{source}: {what} {short(name)}: holds control or invisible characters" for name in hidden]
    lines += [f"{source}: {what} {short(name)}: {len(name):,} characters, at most {LONGEST}" for name in long]
    return lines
