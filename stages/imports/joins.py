"""Further columns of a table's models, from tables with the same key."""

from dataclasses import replace

import polars as pl

from analysis.words import several
from stages.imports.names import keys_of
from stages.imports.raw import Raw, short
from stages.imports.readers import read_table
from stages.imports.spec import Spec, WrongImport
from stages.imports.wide import MOST_NAMED


def joined(raw: Raw, spec: Spec, faults: list[str], notes: list[str]) -> pl.DataFrame:
    """The table with the columns of the tables it is joined with, as `prefix/column`; unmatched rows are named."""
    frame, key = raw.frame, spec.key
    for prefix, (file, header) in spec.join.items():
        try:
            other = read_table(spec.folder / file, replace(spec, header=header, format=None))
        except WrongImport as error:
            faults += error.faults
            continue
        notes += [f"{other.source}: {note}" for note in other.notes]
        absent = [name for name in key if name not in frame.columns or name not in other.frame.columns]
        if absent or not key:
            faults.append(f"{other.source}: the key {', '.join(key)} is not in both tables")
            continue
        left = keys_of(raw.source, frame, key, [])
        right = keys_of(other.source, other.frame, key, faults)
        joined = other.frame.drop(key).rename(lambda column, prefix=prefix: f"{prefix}/{column}")  # type: ignore[misc]
        clash = [name for name in joined.columns if name in frame.columns]
        faults += [f"{spec.source}: join: column {short(name)} is in {raw.source}, too" for name in clash]
        for source, names in (
            (raw.source, left.filter(~left.is_in(right.implode()))),
            (other.source, right.filter(~right.is_in(left.implode()))),
        ):
            if len(names):
                shown = ", ".join(map(short, names[:MOST_NAMED])) + (", ..." if len(names) > MOST_NAMED else "")
                rows = several(len(names), "row")
                notes.append(f"{rows} of {source} without a partner in the join {prefix!r}: {shown}")
        if not left.is_in(right.implode()).any():
            faults.append(f"{spec.source}: join: {prefix!r} has no effect: no row has a partner")
        if not clash and not right.is_duplicated().any():
            frame = (
                frame.with_columns(left.alias(" key"))
                .join(joined.with_columns(right.alias(" key")), on=" key", how="left", maintain_order="left")
                .drop(" key")
            )
    return frame
