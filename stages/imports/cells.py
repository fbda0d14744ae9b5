"""Cells of a published table as numbers, a column at a time: what is a number, what is missing, what is neither."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import polars as pl

from stages.imports import decimals

MISSING = ("", "-", "\N{EN DASH}", "\N{EM DASH}", "n/a", "na", "null", "none", "#n/a", "?")
NOT_A_NUMBER = ("nan", "-nan", "+nan")

_TOKEN = r"[+-]?[\d.,'’ \u00a0\u2009\u202f]*\d[\d.,]*(?:[eE][+-]?\d+)?"
_PATTERN = rf"^({_TOKEN})\s*(%?)(?:\s*(?:±|\+/-|\+-)\s*({_TOKEN})\s*(%?)|\s*/\s*({_TOKEN}))?$"


@dataclass(frozen=True)
class Numbers:
    """A column of cells as numbers, each (rows,): `value` and `error` (its standard error), null where there is none;
    `percent`, whether the cell carries a percent sign (its value is not yet divided by 100); `bad`, whether it is
    neither a number nor missing; how many cells were written in which way; and which of the texts that were declared
    as missing there were.
    """

    value: pl.Series
    error: pl.Series
    percent: pl.Series
    bad: pl.Series
    counts: dict[str, int]
    declared: frozenset[str] = frozenset()


def numbers(cells: pl.Series, missing: Sequence[str] = (), decimal: decimals.Decimal = decimals.POINT) -> Numbers:
    """The cells of a column as numbers: plain ones at once, those written otherwise by one pattern.

    Text is read as `1,014.45` (thousands), `0,85` (decimal comma), `88.03 ± 0.25` (value and standard error), `8/255`,
    `+2`, `84.2%`; a minus sign may be U+2212. missing: texts, or numbers, that stand for a missing cell here, beside
    the usual ones. decimal: which mark the table has, where a cell such as `1,234` can be two numbers; where nothing
    tells, it is bad. A percent sign after the error is the value's, too, unless the value is at most 1: the cell is bad
    then. NaN counts as missing, and is counted. A number beyond float64 and an infinite one are bad.
    """
    nothing = _nothing(cells)
    no = pl.repeat(False, len(cells), eager=True)
    if cells.dtype.is_numeric():
        return _from_numbers(cells.cast(pl.Float64), nothing, no, missing)
    if cells.dtype in (pl.Categorical, pl.Enum):
        cells = cells.cast(pl.String)
    if cells.dtype == pl.Null:
        return Numbers(nothing, nothing, no, no, {"missing": len(cells)})
    if cells.dtype != pl.String:
        return Numbers(nothing, nothing, no, cells.is_not_null(), {"missing": cells.null_count()})
    return _from_text(cells, missing, decimal)


def _from_numbers(value: pl.Series, nothing: pl.Series, no: pl.Series, missing: Sequence[str]) -> Numbers:
    stands = _declared(value, missing)
    value = value.set(value.is_in(list(stands.values())).fill_null(False), None) if stands else value
    nan, infinite = value.is_nan().fill_null(False), value.is_infinite().fill_null(False)
    counts = {"missing": value.null_count(), "NaN": int(nan.sum())}
    return Numbers(value.set(nan | infinite, None), nothing, no, infinite, counts, frozenset(stands))


def _declared(value: pl.Series, missing: Sequence[str]) -> dict[str, float]:
    """Those of the texts declared as missing that are numbers in this column."""
    as_numbers = dict(zip(missing, pl.Series(missing, dtype=pl.String).cast(pl.Float64, strict=False), strict=True))
    return {text: number for text, number in as_numbers.items() if number is not None and (value == number).any()}


def _from_text(cells: pl.Series, missing_too: Sequence[str], decimal: decimals.Decimal) -> Numbers:
    value = cells.cast(pl.Float64, strict=False)
    plain = (value.is_finite() & cells.str.contains(r"\d")).fill_null(False)
    if decimal.declared == ",":
        plain &= ~cells.str.contains(".", literal=True).fill_null(False)
    stands = _declared(value, missing_too)
    if stands:
        plain &= ~value.is_in(list(stands.values())).fill_null(False)
    if plain.all() and not (decimal.table == "," and cells.str.contains(decimals.EITHER_DOT).any()):
        no = pl.repeat(False, len(cells), eager=True)
        return Numbers(value, _nothing(cells), no, no, {"missing": 0, "NaN": 0})
    rest = cells.filter(~plain)
    text = rest.str.strip_chars().str.replace_all("\N{MINUS SIGN}", "-", literal=True).fill_null("")
    lower = text.str.to_lowercase()
    chosen = text.is_in(list(missing_too)) | value.filter(~plain).is_in(list(stands.values())).fill_null(False)
    missing, nan = lower.is_in(MISSING) | chosen, lower.is_in(NOT_A_NUMBER)
    groups = text.set(missing | nan, None).str.extract_groups(_PATTERN).struct.unnest()
    mark = decimal.of(cells.filter(plain), pl.concat([groups[group] for group in ("1", "3", "5")]).drop_nulls())
    first, second, over = (decimals.value(groups[group], mark) for group in ("1", "3", "5"))
    odd = pl.DataFrame({"first": first, "over": over, "error": second}).select(
        value=pl.when(groups["5"].is_null()).then("first").otherwise(pl.col("first") / pl.col("over")),
        error=pl.col("error"),
    )
    whole = groups["3"].is_null() | odd["error"].is_finite().fill_null(False)
    finite = odd["value"].is_finite().fill_null(False) & whole
    negative = (odd["error"] < 0).fill_null(False)
    apart = (groups["4"] == "%") & (groups["2"] != "%") & (odd["value"].abs() <= 1)  # 0.84 ± 1.2%: in two units
    bad = ~(missing | nan | (finite & ~negative & ~apart.fill_null(False)))
    percent = (groups["2"].fill_null("") + groups["4"].fill_null("")).str.contains("%") & ~bad
    counts = {
        "missing": int(missing.sum()),
        "NaN": int(nan.sum()),
        **{what: int((is_so & ~bad).sum()) for what, is_so in decimals.kinds(groups["1"], mark).items()},
        "with a spread after ±, taken as the standard error": int((odd["error"].is_not_null() & ~bad).sum()),
        "fractions": int((over.is_not_null() & ~bad).sum()),
        "with a percent sign": int(percent.sum()),
    }
    clash = decimals.clashing(cells, mark) & plain
    declared = frozenset(stands) | ({*missing_too} & {*text.filter(text.is_in(list(missing_too)))})
    return Numbers(
        _filled(value.set(~plain | clash, None), ~plain, odd["value"].set(~finite | bad, None)),
        _filled(_nothing(cells), ~plain, odd["error"].set(bad, None)),
        _filled(pl.repeat(False, len(cells), eager=True), ~plain, percent),
        _filled(clash, ~plain, bad),
        counts,
        declared,
    )


def known_text(cells: pl.Series, missing: Sequence[str] = ()) -> pl.Series:
    """The text of cells, trimmed; null where it stands for a missing cell, here or everywhere."""
    text = cells.cast(pl.String).str.strip_chars()
    nothing = text.str.to_lowercase().is_in([*MISSING, *NOT_A_NUMBER]) | text.is_in(list(missing))
    return text.set(nothing.fill_null(False), None)


@dataclass
class Reading:
    """How the cells of a table are read, and which of the texts declared as missing it has had so far."""

    missing: Sequence[str] = ()
    decimal: decimals.Decimal = decimals.POINT
    seen: set[str] = field(default_factory=set)

    def numbers(self, cells: pl.Series) -> Numbers:
        """The cells of a column as numbers."""
        found = numbers(cells, self.missing, self.decimal)
        self.seen |= found.declared
        return found


def _nothing(cells: pl.Series) -> pl.Series:
    return pl.repeat(None, len(cells), dtype=pl.Float64, eager=True)


def _filled(whole: pl.Series, where: pl.Series, values: pl.Series) -> pl.Series:
    """`whole` with the rows of `where` replaced by `values`, in order."""
    return whole.scatter(where.arg_true(), values) if len(values) else whole
