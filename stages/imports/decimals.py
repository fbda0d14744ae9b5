"""Numbers as people write them: which mark is the decimal one, and which only groups digits.

`1,234` is a thousand in one country and one in another. Most cells tell which (`0,85`, `1,014.45`, `0.853`): those of
the column first, then those of the table, then the spec's `decimal`. A cell that can be two numbers where nothing
tells is no number: nothing is multiplied by a thousand on a guess.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import polars as pl

_END = r"(?:[eE][+-]?\d+)?$"
_SPACES = r"['’ \u00a0\u2009\u202f]"
PLAIN = rf"^[+-]?(?:\d+\.?\d*|\.\d+){_END}"
GROUPED = rf"^[+-]?(?:\d{{1,3}}(?:,\d{{3}})+\.\d*|\d{{1,3}}(?:,\d{{3}}){{2,}}){_END}"  # 1,014.45 and 1,234,567
COMMA = (  # 0,85 and 12,3456; 0,853; 1234,567; 1.234,5; 1.234.567
    rf"^[+-]?(?:\d+,(?:\d{{1,2}}|\d{{4,}})|0+,\d+|\d{{4,}},\d+|\d{{1,3}}(?:\.\d{{3}})+,\d+|\d{{1,3}}(?:\.\d{{3}}){{2,}})"
    rf"{_END}"
)
EITHER = r"^[+-]?[1-9]\d{0,2},\d{3}$"  # 1,234
EITHER_DOT = r"^[+-]?[1-9]\d{0,2}\.\d{3}$"  # 1.234
BOTH = ".,"
SPACED = rf"^[+-]?\d{{1,3}}(?:{_SPACES}\d{{3}})+(?:[.,]\d+)?$"  # 1 234,5


@dataclass(frozen=True)
class Mark:
    """The decimal mark of a column: `.` or `,`, BOTH where its cells contradict each other, None where they and the
    table leave it open. declared: whether the spec says so, and no cell may differ.
    """

    mark: str | None
    declared: bool = False


@dataclass(frozen=True)
class Decimal:
    """What is known of a table's decimal mark: by its spec, and by its cells."""

    declared: str | None = None
    table: str | None = None

    def of(self, plain: pl.Series, odd: pl.Series) -> Mark:
        """The mark of a column, from its plain numbers and those written otherwise."""
        if self.declared:
            return Mark(self.declared, True)
        if self.table != "," and not odd.str.contains(",", literal=True).any():
            return Mark(None)
        points, commas = _evidence(plain, odd)
        if points and commas:
            return Mark(BOTH)
        return Mark("." if points else "," if commas else self.table)


POINT = Decimal(table=".")


def decimal_of(columns: Iterable[pl.Series], declared: str | None) -> Decimal:
    """What the cells of a table tell of its decimal mark; nothing where they tell both, or nothing."""
    points = commas = False
    texts = [column for column in columns if column.dtype == pl.String]
    if declared or not any(column.str.contains(r"\d,\d").any() for column in texts):
        return Decimal(declared)
    for column in texts:
        number = column.str.strip_chars().str.extract(r"^([+-]?[\d.,]*\d)\s*%?$")
        point, comma = _evidence(number.drop_nulls(), number.drop_nulls())
        points, commas = points or point, commas or comma
    return Decimal(None, None if points == commas else "." if points else ",")


def marked(columns: Iterable[pl.Series]) -> bool:
    """Whether any cell that is text begins as a number with a mark in it, be it the decimal one or one that groups."""
    texts = [column.str.strip_chars() for column in columns if column.dtype == pl.String]
    return any(column.str.contains(rf"^[+-]?(?:\d|{_SPACES})*[.,]\d").any() for column in texts)


def _evidence(plain: pl.Series, odd: pl.Series) -> tuple[bool, bool]:
    """Whether a cell can only have a decimal point, and whether one can only have a decimal comma."""
    spaced = odd.str.contains(SPACED)
    points = odd.str.contains(GROUPED).any() or (spaced & odd.str.contains(".", literal=True)).any()
    commas = odd.str.contains(COMMA).any() or (spaced & odd.str.contains(",", literal=True)).any()
    if not points:
        points = (plain.str.contains(r"\.\d") & plain.str.contains(PLAIN) & ~plain.str.contains(EITHER_DOT)).any()
    return bool(points), bool(commas)


def value(tokens: pl.Series, mark: Mark) -> pl.Series:
    """Tokens as numbers, null where they are none, or can be two."""
    comma, point = mark.mark == ",", mark.mark == "."
    bare = tokens.str.replace_all(_SPACES, "")
    told = pl.DataFrame({"token": tokens, "bare": bare})
    token, dotted = pl.col("token"), pl.col("bare").str.replace_all(".", "", literal=True).str.replace(",", ".")
    ungrouped = pl.col("bare").str.replace_all(",", "", literal=True)
    spaced = token.str.contains(SPACED)
    strict_comma, strict_point = comma and mark.declared, point and mark.declared
    text = (
        pl.when(token.str.contains(PLAIN) & (not strict_comma)).then(token)
        .when(token.str.contains(r"^[+-]?\d+$") | (token.str.contains(EITHER_DOT) & strict_comma)).then(dotted)
        .when(token.str.contains(GROUPED) & (not strict_comma)).then(ungrouped)
        .when(token.str.contains(COMMA) & (not strict_point)).then(dotted)
        .when(token.str.contains(EITHER) & comma).then(dotted)
        .when(token.str.contains(EITHER) & point).then(ungrouped)
        .when(spaced & token.str.contains(",", literal=True) & (not strict_point)).then(dotted)
        .when(spaced & ~token.str.contains(",", literal=True) & (not strict_comma)).then(pl.col("bare"))
    )  # fmt: skip
    return told.select(text.cast(pl.Float64, strict=False).alias("value"))["value"]


def kinds(tokens: pl.Series, mark: Mark) -> dict[str, pl.Series]:
    """Which tokens were written with thousands separators, and which with a decimal comma."""
    either = tokens.str.contains(EITHER)
    commas = tokens.str.contains(COMMA) | (either if mark.mark == "," else False)
    grouped = tokens.str.contains(GROUPED) | tokens.str.contains(SPACED) | (either if mark.mark == "." else False)
    return {
        "with thousands separators": grouped.fill_null(False),
        "with a decimal comma": commas.fill_null(False),
    }


def clashing(cells: pl.Series, mark: Mark) -> pl.Series:
    """Which plain numbers can be two beside decimal commas: `1.234` may be a thousand there."""
    if mark.declared or mark.mark not in (",", BOTH):
        return pl.repeat(False, len(cells), eager=True)
    return cells.str.strip_chars().str.contains(EITHER_DOT).fill_null(False)
