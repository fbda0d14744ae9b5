"""Measured columns in one unit each: percents become fractions."""

from collections.abc import Sequence

import polars as pl

from analysis.scales import like_percents
from stages.imports.roles import Measured, listed
from stages.imports.spec import Spec, chosen
from stages.imports.wide import Wide, lines_of

GAP = 5  # between the largest fraction and the smallest percent of a column that holds both, at least
MIXED = "if all are percents, name the column under 'percent'"
APART = (
    "is its standard error, and only one of the two has a percent sign; if both are percents, name it under 'percent'"
)


def in_one_unit(
    source: str, wide: Wide, measured: Sequence[Measured], spec: Spec, faults: list[str], notes: list[str]
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Values and standard errors, percents as fractions: where the spec says so, or every cell has the sign, and not by
    the size of the numbers. A column that mixes both is an error, unless it is named as one of percents, and so is an
    error that is not in its value's unit.
    """
    values, errors = {}, {}
    declared = chosen(spec.percent, [one.name for one in measured])[0]
    signed = [one.name for one in measured if one.name not in declared and _all_signed(wide, one.name)]
    for name in (one.name for one in measured):
        value, error, sign = wide.values[name], wide.errors[name], wide.percent[name]
        if name in declared or name in signed:
            outside = ((value < 0) | (value > 100)).fill_null(False)
            faults += lines_of(source, name, wide.rows, value, outside, "is no percentage")
            if name not in spec.percent and name not in signed:  # it is meant by a pattern, as others are
                odd, kind = _mixed(value)
                faults += lines_of(source, name, wide.rows, value, odd, f"is in a column of {kind}; {MIXED}")
            value, error = value / 100, error / 100
        else:
            odd, kind = (sign, "numbers that are not percents") if sign.any() else _mixed(value)
            remark = f"is in a column of {kind}"
            faults += lines_of(source, name, wide.rows, value, odd, f"{remark}; {MIXED}")
        if name in wide.error_percent and name not in declared:
            apart = (wide.error_percent[name] != sign) & value.is_not_null() & error.is_not_null()
            faults += lines_of(source, name, wide.rows, wide.errors[name], apart, APART)
        values[name], errors[name] = value, error
    notes += _said(declared, signed, wide)
    return pl.DataFrame(values), pl.DataFrame(errors)


def _said(declared: Sequence[str], signed: Sequence[str], wide: Wide) -> list[str]:
    """Which columns are taken as percents, and which are not that may be."""
    small = [name for name in declared if _largest(wide.values[name]) <= 1]
    large = [name for name, value in wide.values.items() if name not in (*declared, *signed) and like_percents(value)]
    said = {
        "taken as percents, as every cell has the sign": signed,
        "taken as percents, as the spec says, though none is above 1": small,
        "from 0 to 100, and not taken as percents: if they are, name them under 'percent'": large,
    }
    return [f"{what}: {listed(names)}" for what, names in said.items() if names]


def _all_signed(wide: Wide, name: str) -> bool:
    known = wide.values[name].is_not_null()
    return bool((wide.percent[name] | ~known).all() and known.any())


def _largest(value: pl.Series) -> float:
    return float(value.max() or 0.0)  # type: ignore[arg-type]


def _mixed(value: pl.Series) -> tuple[pl.Series, str]:
    """Which values (rows,) look like fractions (0.5) in a column of percents (50), or the reverse, and what the column
    has more of.
    """
    fractions, percents = ((value > 0) & (value < 1)).fill_null(False), (value > 1).fill_null(False)
    low, high = value.filter(fractions), value.filter(percents)
    none = pl.repeat(False, len(value), eager=True)
    if not len(low) or not len(high) or value.min() < 0 or high.max() > 100:  # type: ignore[operator]
        return none, ""
    apart = high.min() >= GAP * low.max()  # type: ignore[operator]
    within = bool((low * 100).is_between(high.min() / 2, high.max() * 2).all())  # type: ignore[operator]
    if not apart or not within:
        return none, ""
    return (percents, "fractions") if len(low) > len(high) else (fractions, "percents")
