"""Measured columns in one unit each: percents become fractions."""

from collections.abc import Sequence

import polars as pl

from stages.imports.roles import Measured
from stages.imports.spec import Spec, chosen
from stages.imports.wide import Wide, lines_of

GAP = 5  # between the largest fraction and the smallest percent of a column that holds both, at least


def in_one_unit(
    source: str, wide: Wide, measured: Sequence[Measured], spec: Spec, faults: list[str]
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Values and standard errors, percents as fractions. A column that mixes both is an error."""
    values, errors = {}, {}
    declared = chosen(spec.percent, [one.name for one in measured])[0]
    for name in (one.name for one in measured):
        value, error, sign = wide.values[name], wide.errors[name], wide.percent[name]
        known = value.is_not_null()
        if name in declared or ((sign | ~known).all() and known.any()):
            outside = ((value < 0) | (value > 100)).fill_null(False)
            faults += lines_of(source, name, wide.rows, value, outside, "is no percentage")
            value, error = value / 100, error / 100
        else:
            odd = sign if sign.any() else _fractions_among_percents(value)
            remark = "is in a column of numbers that are not percents" if sign.any() else "is in a column of percents"
            faults += lines_of(
                source, name, wide.rows, value, odd, f"{remark}; if all are, name the column under 'percent'"
            )
        values[name], errors[name] = value, error
    return pl.DataFrame(values), pl.DataFrame(errors)


def _fractions_among_percents(value: pl.Series) -> pl.Series:
    """Which values (rows,) look like fractions (0.5) in a column of percents (50)."""
    low, high = value.filter((value > 0) & (value < 1)), value.filter(value > 1)
    none = pl.repeat(False, len(value), eager=True)
    if not len(low) or not len(high) or value.min() < 0 or high.max() > 100 or len(low) > len(high):  # type: ignore[operator]
        return none
    apart = high.min() >= GAP * low.max()  # type: ignore[operator]
    within = bool((low * 100).is_between(high.min() / 2, high.max() * 2).all())  # type: ignore[operator]
    return ((value > 0) & (value < 1)).fill_null(False) if apart and within else none
