"""A table as it was read, its names trimmed and checked."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import polars as pl

from analysis.words import several
from stages.imports.spec import LONGEST, WrongImport, spaced

UNFIT = r"[\p{Cc}\p{Cf}]"  # control characters, and those that are invisible or turn the direction of text
MOST_LINES = 100


@dataclass(frozen=True)
class Raw:
    """A table as it was read: cells are text or numbers, names are trimmed. `directions`: whether a measurement is
    better when higher, as far as the format tells, None where it leaves that open; `key` and `long`: what it says of
    the columns; `items`: model, measurement, item and value of the items that values are the means of;
    `step` and `training`: the columns with the training step of a checkpoint, and with what was trained.
    """

    source: str
    frame: pl.DataFrame
    notes: list[str] = field(default_factory=list)
    directions: Mapping[str, bool | None] = field(default_factory=dict)
    key: tuple[str, ...] = ()
    long: Mapping[str, Any] | None = None
    items: pl.DataFrame | None = None
    step: str | None = None
    training: tuple[str, ...] = ()


def short(name: object) -> str:
    """A name as it stands in a message: quoted, its odd characters escaped, at most 60 characters of it."""
    text = str(name)
    return repr(text if len(text) <= 60 else text[:57] + "...")


def check_header(source: str, header: list[str]) -> None:
    """Raise WrongImport unless every column but the first has a name, and one of its own."""
    names = [spaced(name) for name in header]
    faults = [
        f"{source}: duplicate column {short(name)}, {names.count(name)} times"
        if name
        else f"{source}: a column has no name"
        for name in dict.fromkeys(names)
        if names.count(name) > 1 or (not name and names[0])
    ]
    if faults:
        raise WrongImport(faults)


def named(
    source: str,
    frame: pl.DataFrame,
    notes: list[str],
    directions: Mapping[str, bool | None] = MappingProxyType({}),
    key: tuple[str, ...] = (),
    long: Mapping[str, Any] | None = None,
) -> Raw:
    """The table with trimmed, composed (NFC) column names. Raises WrongImport on names that are unfit."""
    check_header(source, frame.columns)
    if not len(frame):
        raise WrongImport([f"{source}: no rows"])
    names = pl.Series([spaced(name) for name in frame.columns])
    faults = unfit_names(source, "column", names)
    if faults:
        raise WrongImport(faults)
    changed = sum(spaced(name) != name for name in frame.columns)
    if changed:
        notes = [*notes, f"{several(changed, 'column name')} had newlines or runs of spaces, now one space"]
    return Raw(source, frame.rename(dict(zip(frame.columns, names, strict=True))), notes, directions, key, long)


def unfit_names(source: str, what: str, names: pl.Series) -> list[str]:
    """A line for each name that cannot be shown or stored as it is: too long, or with characters nobody sees."""
    hidden = names.filter(names.str.contains(UNFIT).fill_null(False)).unique(maintain_order=True)
    long = names.filter((names.str.len_chars() > LONGEST).fill_null(False)).unique(maintain_order=True)
    lines = [f"{source}: {what} {short(name)}: holds control or invisible characters" for name in hidden]
    lines += [f"{source}: {what} {short(name)}: {len(name):,} characters, at most {LONGEST}" for name in long]
    return lines
