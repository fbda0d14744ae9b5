"""Tables in text files: what separates their cells, and how many there are."""

import re
from pathlib import Path

import polars as pl

from stages.imports.raw import MOST_LINES, check_header
from stages.imports.spec import WrongImport

SEPARATORS = {".csv": ",", ".tsv": "\t"}


def text_table(path: Path, separator: str) -> tuple[pl.DataFrame, list[str]]:
    """The rows of a file as text, and notes on what was left out. Raises WrongImport."""
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
    check_header(path.name, header)
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
