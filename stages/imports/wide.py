"""Every cell of a table as a number: a row per model, a column per measurement, from a wide or a long table."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from stages.imports.cells import Numbers, Reading
from stages.imports.decimals import EITHER, EITHER_DOT
from stages.imports.raw import MOST_LINES, short

MOST_NAMED = 5


@dataclass(frozen=True)
class Wide:
    """Values, standard errors, percent signs and numbers of examples by measurement, each a series over `rows`, the
    models' names; `error_percent`: the signs of those errors that have cells of their own; `about`: the other columns,
    one row for each of them; `counts`: how cells were written.
    """

    rows: pl.Series
    about: pl.DataFrame
    values: dict[str, pl.Series] = field(default_factory=dict)
    errors: dict[str, pl.Series] = field(default_factory=dict)
    percent: dict[str, pl.Series] = field(default_factory=dict)
    error_percent: dict[str, pl.Series] = field(default_factory=dict)
    n: dict[str, pl.Series] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)


def from_wide(
    source: str,
    frame: pl.DataFrame,
    rows: pl.Series,
    names: Sequence[str],
    explicit: Sequence[str],
    beside: Mapping[str, Mapping[str, str]],
    reading: Reading,
    faults: list[str],
) -> tuple[Wide, list[str]]:
    """The columns `names` as numbers, and those left out: text or empty throughout, and not named by the spec. beside:
    the columns with the `standard_error` and the `n` of some of them.
    """
    wide, left_out = Wide(rows, frame), []
    for name in names:
        found = reading.numbers(frame[name])
        if name not in explicit and not found.value.is_not_null().any():
            left_out.append(name)
            continue
        faults += bad_cells(source, name, rows, frame[name], found.bad)
        if found.bad.sum() > len(rows) / 2:
            faults.append(f"{source}: column {short(name)}: mostly text: it can be named under 'ignore'")
        wide.values[name], wide.errors[name], wide.percent[name] = found.value, found.error, found.percent
        wide.counts.update(found.counts)
        for what, into in (("standard_error", wide.errors), ("n", wide.n)):
            if name in beside[what]:
                said = _beside(source, frame, beside[what][name], what, rows, reading, faults)
                into[name] = said.value
                if what == "standard_error":
                    wide.error_percent[name] = said.percent
    return wide, left_out


def _beside(
    source: str, frame: pl.DataFrame, column: str, what: str, rows: pl.Series, reading: Reading, faults: list[str]
) -> Numbers:
    """A column of standard errors, or of numbers of items."""
    found = reading.numbers(frame[column])
    faults += bad_cells(source, column, rows, frame[column], found.bad)
    faults += impossible(source, column, what, rows, found.value)
    return found


def impossible(source: str, column: str, what: str, rows: pl.Series, value: pl.Series) -> list[str]:
    """A line for each standard error below 0, or for each number of items that is not whole and above 0."""
    if what == "standard_error":
        below = (value < 0).fill_null(False)
        return lines_of(source, column, rows, value, below, "is no standard error: it is below 0")
    odd = ((value < 1) | (value != value.round()) | (value > 2.0**53)).fill_null(False)
    return lines_of(source, column, rows, value, odd, "is no number of items: those are whole and above 0")


def bad_cells(source: str, column: str, rows: pl.Series, cells: pl.Series, bad: pl.Series, what: str = "") -> list[str]:
    """A line for each cell that is no number, or not `what` it should be, the first hundred of them."""
    found = bad.arg_true()
    where = f"{source}: column {short(column)}"
    lines = [
        f"{where}, row {short(row)}: {short(cell)} is {f'not {what}' if what else _wrong(cell)}"
        for row, cell in zip(rows.gather(found[:MOST_LINES]), cells.gather(found[:MOST_LINES]), strict=True)
    ]
    if len(found) > MOST_LINES:
        lines.append(f"{where}: and {len(found) - MOST_LINES:,} more cells that are not {what or 'numbers'}")
    often = cells.filter(bad).value_counts(sort=True) if cells.dtype == pl.String else None
    if often is not None and len(often) and often["count"][0] > 1:
        text, count = often.row(0)
        lines.append(f"{where}: {short(text)} stands {count} times: if nothing was measured, name it under 'missing'")
    return lines


def _wrong(cell: object) -> str:
    """What is wrong with a cell that is no number, and what to do."""
    if isinstance(cell, float):
        return "not a finite number"
    text = str(cell).strip()
    if re.match(EITHER, text) or re.match(EITHER_DOT, text):
        return "a thousand or a fraction of ten here: say which by 'decimal: \".\"' or 'decimal: \",\"'"
    if re.search(r"[^%\s]\s*(?:±|\+/?-)[^%]*%$", text):
        return "a value without a percent sign and an error with one: both need it, or none"
    return "not a number"


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
    reading: Reading,
    faults: list[str],
) -> Wide:
    """The rows of a long table gathered by model; `names` are their measurements. What is said of a model must be the
    same in all its rows.
    """
    value = reading.numbers(frame[long["value"]])
    places = rows + pl.Series([", "]) + names
    faults += bad_cells(source, long["value"], places, frame[long["value"]], value.bad)
    columns = {" row": rows, "measurement": names, "value": value.value, "percent": value.percent, "error": value.error}
    for column in ("standard_error", "n"):
        if column in long:
            said = _beside(source, frame, long[column], column, places, reading, faults)
            columns |= {"n": said.value} if column == "n" else {"error": said.value, "error_percent": said.percent}
    cells = pl.DataFrame(columns)
    faults += _repeated(source, cells)
    faults += _varying(source, frame.select(*about), rows)
    if faults:
        return Wide(rows.unique(maintain_order=True), frame.head(0))
    order = rows.unique(maintain_order=True)
    of_rows = pl.DataFrame([rows.alias(" row"), *(frame[name] for name in about)])
    first = of_rows.unique(" row", keep="first", maintain_order=True)
    parts = {
        column: cells.pivot(on="measurement", index=" row", values=column, maintain_order=True)
        for column in columns
        if column not in (" row", "measurement")
    }
    by_name = {column: {name: part[name] for name in part.columns[1:]} for column, part in parts.items()}
    signs, beside = (
        {name: column.fill_null(False) for name, column in by_name.get(kind, {}).items()}
        for kind in ("percent", "error_percent")
    )
    counts = Counter(value.counts)
    about_models = first.drop(" row")
    return Wide(order, about_models, by_name["value"], by_name["error"], signs, beside, by_name.get("n", {}), counts)


def _repeated(source: str, cells: pl.DataFrame) -> list[str]:
    twice = cells.group_by(" row", "measurement", maintain_order=True).len().filter(pl.col("len") > 1)
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
