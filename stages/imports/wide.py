"""Every cell of a table as a number: a row per model, a column per measurement, from a wide or a long table."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from stages.imports.cells import numbers
from stages.imports.raw import MOST_LINES, short

MOST_NAMED = 5


@dataclass(frozen=True)
class Wide:
    """Values, standard errors, percent signs and numbers of examples by measurement, each a series over `rows`, the
    models' names; `about`: the other columns, one row for each of them; `counts`: how cells were written.
    """

    rows: pl.Series
    about: pl.DataFrame
    values: dict[str, pl.Series] = field(default_factory=dict)
    errors: dict[str, pl.Series] = field(default_factory=dict)
    percent: dict[str, pl.Series] = field(default_factory=dict)
    n: dict[str, pl.Series] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)


def from_wide(
    source: str,
    frame: pl.DataFrame,
    rows: pl.Series,
    names: Sequence[str],
    explicit: Sequence[str],
    missing: Sequence[str],
    faults: list[str],
) -> tuple[Wide, list[str]]:
    """The columns `names` as numbers, and those left out: text or empty throughout, and not named by the spec."""
    wide, left_out = Wide(rows, frame), []
    for name in names:
        found = numbers(frame[name], missing)
        if name not in explicit and not found.value.is_not_null().any():
            left_out.append(name)
            continue
        faults += bad_cells(source, name, rows, frame[name], found.bad)
        if found.bad.sum() > len(rows) / 2:
            faults.append(f"{source}: column {short(name)}: mostly text: it can be named under 'ignore'")
        wide.values[name], wide.errors[name], wide.percent[name] = found.value, found.error, found.percent
        wide.counts.update(found.counts)
    return wide, left_out


def bad_cells(source: str, column: str, rows: pl.Series, cells: pl.Series, bad: pl.Series, what: str = "") -> list[str]:
    """A line for each cell that is no number, or not `what` it should be, the first hundred of them."""
    found = bad.arg_true()
    where = f"{source}: column {short(column)}"
    kind = what or f"a {'finite ' if cells.dtype.is_numeric() else ''}number"
    lines = [
        f"{where}, row {short(row)}: {short(cell)} is not {kind}"
        for row, cell in zip(rows.gather(found[:MOST_LINES]), cells.gather(found[:MOST_LINES]), strict=True)
    ]
    if len(found) > MOST_LINES:
        lines.append(f"{where}: and {len(found) - MOST_LINES:,} more cells that are not {what or 'numbers'}")
    return lines


def lines_of(source: str, name: str, rows: pl.Series, value: pl.Series, where: pl.Series, remark: str) -> list[str]:
    """A line for each value of a column where there is something to remark, the first few of them."""
    shown = zip(rows.filter(where)[:MOST_NAMED], value.filter(where)[:MOST_NAMED], strict=True)
    lines = [f"{source}: column {short(name)}, row {short(row)}: {number!r} {remark}" for row, number in shown]
    more = int(where.sum()) - MOST_NAMED
    return lines + ([f"{source}: column {short(name)}: and {more:,} more"] if more > 0 else [])


def long_names(frame: pl.DataFrame, long: Mapping[str, Any]) -> pl.Series:
    """The measurement of each row of a long table, several columns joined by a slash; null where one is missing."""
    parts = [pl.col(name).cast(pl.String).str.strip_chars() for name in long["measurement"]]
    whole = pl.concat_str(parts, separator="/").str.replace_all(r"\s+", " ").str.normalize("NFC")
    return frame.select(pl.when(whole != "").then(whole).alias("measurement"))["measurement"]


def from_long(
    source: str,
    frame: pl.DataFrame,
    rows: pl.Series,
    names: pl.Series,
    long: Mapping[str, Any],
    about: Sequence[str],
    missing: Sequence[str],
    faults: list[str],
) -> Wide:
    """The rows of a long table gathered by model; `names` are their measurements. What is said of a model must be the
    same in all its rows.
    """
    value = numbers(frame[long["value"]], missing)
    places = rows + pl.Series([", "]) + names
    faults += bad_cells(source, long["value"], places, frame[long["value"]], value.bad)
    columns = {"row": rows, "measurement": names, "value": value.value, "percent": value.percent, "error": value.error}
    for column in ("standard_error", "n"):
        if column in long:
            found = numbers(frame[long[column]], missing)
            faults += bad_cells(source, long[column], places, frame[long[column]], found.bad)
            columns["error" if column == "standard_error" else "n"] = found.value
    cells = pl.DataFrame(columns)
    faults += _repeated(source, cells)
    faults += _varying(source, frame.select(*about), rows)
    if faults:
        return Wide(rows.unique(maintain_order=True), frame.head(0))
    order = rows.unique(maintain_order=True)
    said = pl.DataFrame([rows.alias(" row"), *(frame[name] for name in about)])
    first = said.unique(" row", keep="first", maintain_order=True)
    parts = {
        column: cells.pivot(on="measurement", index="row", values=column, maintain_order=True)
        for column in columns
        if column not in ("row", "measurement")
    }
    by_name = {column: {name: part[name] for name in part.columns[1:]} for column, part in parts.items()}
    signs = {name: column.fill_null(False) for name, column in by_name["percent"].items()}
    counts = Counter(value.counts)
    return Wide(order, first.drop(" row"), by_name["value"], by_name["error"], signs, by_name.get("n", {}), counts)


def _repeated(source: str, cells: pl.DataFrame) -> list[str]:
    twice = cells.group_by("row", "measurement", maintain_order=True).len().filter(pl.col("len") > 1)
    lines = [
        f"{source}: row {short(row)}: duplicate value of {short(name)}, {count} times"
        for row, name, count in twice.head(MOST_LINES).iter_rows()
    ]
    return lines + ([f"{source}: and {len(twice) - MOST_LINES:,} more"] if len(twice) > MOST_LINES else [])


def _varying(source: str, about: pl.DataFrame, rows: pl.Series) -> list[str]:
    lines = []
    for name in about.columns:
        kinds = about.select(name).with_columns(rows.alias(" row")).group_by(" row", maintain_order=True)
        several = kinds.agg(pl.col(name).unique(maintain_order=True)).filter(pl.col(name).list.len() > 1)
        for row, values in several.head(MOST_LINES).iter_rows():
            shown = ", ".join(map(short, values[:MOST_NAMED]))
            lines.append(f"{source}: column {short(name)}, row {short(row)}: one model with several: {shown}")
    return lines
