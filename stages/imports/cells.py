"""Cells of a published table as numbers, a column at a time: what is a number, what is missing, what is neither."""

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

MISSING = ("", "-", "\N{EN DASH}", "\N{EM DASH}", "n/a", "na", "null", "none", "#n/a", "?")
NOT_A_NUMBER = ("nan", "-nan", "+nan")

_NUMBER = r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?"
_GROUPED = r"[+-]?\d{1,3}(?:,\d{3})+(?:\.\d*)?"
_EITHER = rf"(?:{_GROUPED}|{_NUMBER})"
_PATTERN = rf"^({_EITHER})\s*(%?)(?:\s*(?:±|\+/-|\+-)\s*({_EITHER})\s*(%?)|\s*/\s*({_NUMBER}))?$"


@dataclass(frozen=True)
class Numbers:
    """A column of cells as numbers, each (rows,): `value` and `error` (its standard error), null where there is none;
    `percent`, whether the cell carries a percent sign (its value is not yet divided by 100); `bad`, whether it is
    neither a number nor missing; and how many cells were written in which way.
    """

    value: pl.Series
    error: pl.Series
    percent: pl.Series
    bad: pl.Series
    counts: dict[str, int]


def numbers(cells: pl.Series, missing: Sequence[str] = ()) -> Numbers:
    """The cells of a column as numbers: plain ones at once, those written otherwise by one pattern.

    Text is read as `1,014.45` (thousands), `88.03 ± 0.25` (value and standard error), `8/255`, `+2`, `84.2%`; a minus
    sign may be U+2212. `missing`: texts that stand for a missing cell here, beside the usual ones. NaN counts as
    missing, and is counted. A number beyond float64 and an infinite one are bad.
    """
    nothing = pl.Series([None] * len(cells), dtype=pl.Float64)
    no = pl.repeat(False, len(cells), eager=True)
    if cells.dtype.is_numeric():
        value = cells.cast(pl.Float64)
        nan, infinite = value.is_nan().fill_null(False), value.is_infinite().fill_null(False)
        counts = {"missing": cells.null_count(), "NaN": int(nan.sum())}
        return Numbers(value.set(nan | infinite, None), nothing, no, infinite, counts)
    if cells.dtype in (pl.Categorical, pl.Enum):
        cells = cells.cast(pl.String)
    if cells.dtype == pl.Null:
        return Numbers(nothing, nothing, no, no, {"missing": len(cells)})
    if cells.dtype != pl.String:
        return Numbers(nothing, nothing, no, cells.is_not_null(), {"missing": cells.null_count()})
    return _from_text(cells, missing)


def _from_text(cells: pl.Series, missing_too: Sequence[str]) -> Numbers:
    value = cells.cast(pl.Float64, strict=False)
    plain = (value.is_finite() & cells.str.contains(r"\d")).fill_null(False)
    rest = cells.filter(~plain)
    text = rest.str.strip_chars().str.replace_all("\N{MINUS SIGN}", "-", literal=True).fill_null("")
    lower = text.str.to_lowercase()
    missing, nan = lower.is_in(MISSING) | text.is_in(list(missing_too)), lower.is_in(NOT_A_NUMBER)
    found = text.str.extract_groups(_PATTERN).struct.unnest()
    first, second, over = (_float(found[group]) for group in ("1", "3", "5"))
    odd = pl.DataFrame({"first": first, "over": over, "error": second}).select(
        value=pl.when(pl.col("over").is_null()).then("first").otherwise(pl.col("first") / pl.col("over")),
        error=pl.col("error"),
    )
    finite = odd["value"].is_finite().fill_null(False) & (odd["error"].is_null() | odd["error"].is_finite())
    negative = (odd["error"] < 0).fill_null(False)
    bad = ~(missing | nan | (finite & ~negative))
    percent = (found["2"].fill_null("") + found["4"].fill_null("")).str.contains("%") & ~bad
    counts = {
        "missing": int(missing.sum()),
        "NaN": int(nan.sum()),
        "with thousands separators": int((text.str.contains(r"\d,\d") & ~bad).sum()),
        "with a spread after ±, taken as the standard error": int((odd["error"].is_not_null() & ~bad).sum()),
        "fractions": int((over.is_not_null() & ~bad).sum()),
        "with a percent sign": int(percent.sum()),
    }
    return Numbers(
        _filled(value.set(~plain, None), ~plain, odd["value"].set(~finite | bad, None)),
        _filled(pl.Series([None] * len(cells), dtype=pl.Float64), ~plain, odd["error"].set(bad, None)),
        _filled(pl.repeat(False, len(cells), eager=True), ~plain, percent),
        _filled(pl.repeat(False, len(cells), eager=True), ~plain, bad),
        counts,
    )


def _float(text: pl.Series) -> pl.Series:
    return text.str.replace_all(",", "", literal=True).cast(pl.Float64, strict=False)


def _filled(whole: pl.Series, where: pl.Series, values: pl.Series) -> pl.Series:
    """`whole` with the rows of `where` replaced by `values`, in order."""
    return whole.scatter(where.arg_true(), values) if len(values) else whole
