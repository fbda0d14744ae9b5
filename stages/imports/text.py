"""Tables in text files: their encoding, what separates their cells, and their header."""

import codecs
import re
from pathlib import Path

import polars as pl

from analysis.words import several
from stages.imports.archives import unpacked
from stages.imports.raw import MOST_LINES, check_header
from stages.imports.spec import WrongImport

SEPARATORS = {".csv": ",", ".tsv": "\t"}
OTHERS = {";": "semicolons", "\t": "tabs", "|": "bars", ",": "commas"}
MARKS = (  # the longer ones first: UTF-32's begins as UTF-16's does
    *((codecs.BOM_UTF32_LE, "UTF-32"), (codecs.BOM_UTF32_BE, "UTF-32")),
    *((codecs.BOM_UTF16_LE, "UTF-16"), (codecs.BOM_UTF16_BE, "UTF-16")),
)


def text_table(path: Path, separator: str, header_rows: int = 1) -> tuple[pl.DataFrame, list[str]]:
    """The rows of a file as text, and notes on how it was read. Raises WrongImport.

    separator: what the name of the file promises; another one is taken where the header has only that.
    """
    text, notes = _decoded(path)
    bare = re.sub(r'"[^"]*"', "", text) if '"' in text else text
    if '"' in bare:
        raise WrongImport([f"{path.name}: a quotation mark that is never closed"])
    records = pl.Series(bare.rstrip("\r\n").split("\n")).str.strip_chars_end("\r")
    found = _separator(records, separator)
    if found != separator:
        notes.append(f"cells are separated by {OTHERS[found]}")
    if len(records) < 2:
        raise WrongImport([f"{path.name}: no rows"])
    _check_lines(path.name, records, found)
    try:
        cells = pl.read_csv(text.encode(), separator=found, has_header=False, infer_schema=False)
    except pl.exceptions.PolarsError as error:
        raise WrongImport([f"{path.name}: not a table: {str(error).splitlines()[0]}"]) from error
    return _with_header(path.name, cells, header_rows, notes), notes


def _decoded(path: Path) -> tuple[str, list[str]]:
    try:
        raw = unpacked(path)
    except OSError as error:
        raise WrongImport([f"{path.name}: {error.strerror or error}"]) from error
    encoding = next((name for mark, name in MARKS if raw.startswith(mark)), None)
    if encoding is None and len(raw) > 3 and not any(raw[1:40:2]):
        encoding = "UTF-16-LE"
    try:
        return raw.decode(encoding or "utf-8-sig"), [f"text in {encoding}"] if encoding else []
    except UnicodeDecodeError as error:
        what = f"not {encoding or 'UTF-8'} text: byte {error.start} is {error.object[error.start]:#04x}"
        raise WrongImport([f"{path.name}: {what}; save it as UTF-8"]) from error


def _separator(records: pl.Series, promised: str) -> str:
    """What separates the cells: as promised, unless the header, or every row, has another one instead."""
    there = [mark for mark in dict.fromkeys((promised, *OTHERS)) if mark in records[0]]
    even = [mark for mark in there if len(records) > 1 and _cells(records, mark).n_unique() == 1]
    return (even or there or [promised])[0]


def _cells(records: pl.Series, separator: str) -> pl.Series:
    """The number of cells in each record that is not blank."""
    return records.filter(records != "").str.count_matches(separator, literal=True) + 1


def _check_lines(source: str, records: pl.Series, separator: str) -> None:
    """Raise WrongImport unless every record has as many cells as the header."""
    cells = records.str.count_matches(separator, literal=True) + 1
    odd = ((cells != cells[0]) & (records != "")).arg_true()
    lines = [f"{source}: row {row}: {cells[row]} cells where the header has {cells[0]}" for row in odd[:MOST_LINES]]
    if len(odd) > MOST_LINES:
        lines.append(f"{source}: and {len(odd) - MOST_LINES:,} more rows with another number of cells")
    if lines:
        raise WrongImport(lines)


def _with_header(source: str, cells: pl.DataFrame, header_rows: int, notes: list[str]) -> pl.DataFrame:
    """The rows below the header, named by it; blank ones, and nameless empty columns, are left out and counted."""
    if len(cells) <= header_rows:
        raise WrongImport([f"{source}: no rows"])
    header, rows = _joined_header(cells.head(header_rows)), cells.slice(header_rows)
    first = [text or "" for text in rows.row(0)]
    if header_rows > 1 and any(first) and not any(name and text for name, text in zip(header, first, strict=True)):
        header = [name or text for name, text in zip(header, first, strict=True)]
        rows = rows.slice(1)  # pandas writes the names of its index in a row of their own
    blank = pl.all_horizontal(pl.all().is_null())
    kept = rows.filter(~blank)
    notes += [f"{len(rows) - len(kept)} blank lines left out"] * (len(kept) < len(rows))
    empty = [
        column
        for place, (column, name) in enumerate(zip(cells.columns, header, strict=True))
        if place and not name.strip() and kept[column].is_null().all()
    ]
    notes += [f"{several(len(empty), 'column')} without a name or a value left out"] * bool(empty)
    names = {column: name for column, name in zip(cells.columns, header, strict=True) if column not in empty}
    _check_names(source, list(names.values()), kept, header_rows)
    return kept.drop(empty).rename(names)


def _joined_header(rows: pl.DataFrame) -> list[str]:
    """The names of the columns: the cells of the header's rows by a slash, an upper one as long as it reaches."""
    levels = []
    for level, row in enumerate(rows.iter_rows()):
        texts = [(text or "").strip() for text in row]
        if level < len(rows) - 1:
            for place in range(1, len(texts)):
                texts[place] = texts[place] or (texts[place - 1] if row[place] is None else "")
        levels.append(texts)
    return ["/".join(part for part in parts if part) for parts in zip(*levels, strict=True)]


def _check_names(source: str, names: list[str], rows: pl.DataFrame, header_rows: int) -> None:
    try:
        check_header(source, names)
    except WrongImport as error:
        second = rows.row(0) if len(rows) else ()
        if header_rows == 1 and not any(re.fullmatch(r"\s*[\d.,+-]+\s*", text or "") for text in second):
            raise WrongImport([*error.faults, f"{source}: if it has two rows of header, say 'header: 2'"]) from error
        raise
