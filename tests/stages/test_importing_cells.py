"""Cells as numbers: every way of writing one, and what is none."""

import math

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.imports.cells import numbers


@pytest.mark.parametrize(
    ("cell", "value", "error"),
    [
        ("1,014.45", 1014.45, None),
        ("-1,234,567", -1234567.0, None),
        ("88.03 ± 0.25", 88.03, 0.25),
        ("88.03+/-0.25", 88.03, 0.25),
        ("8/255", 8 / 255, None),
        ("+2", 2.0, None),
        ("\N{MINUS SIGN}3.5", -3.5, None),
        (" .5\t", 0.5, None),
        ("1.6e+23", 1.6e23, None),
        ("84.2%", 84.2, None),
        ("84.2 ± 0.3%", 84.2, 0.3),
        ("45 %", 45.0, None),
        ("0,85", 0.85, None),
        ("0,853", 0.853, None),
        ("12,34", 12.34, None),
        ("-1234,567", -1234.567, None),
        ("1.014,45", 1014.45, None),
        ("1.234.567", 1234567.0, None),
        ("1 234,5", 1234.5, None),
        ("1\u202f234\u202f567", 1234567.0, None),
        ("1'234.5", 1234.5, None),
        ("0,5 ± 0,02", 0.5, 0.02),
    ],
)
def test_a_number_is_read_however_it_is_written(cell: str, value: float, error: float | None) -> None:
    found = numbers(pl.Series([cell]))
    assert (found.value[0], found.error[0], found.bad[0]) == (value, error, False)
    assert found.percent[0] == cell.endswith("%")


@pytest.mark.parametrize(
    "cell",
    [
        *(
            "1O3",
            "1e999",
            "inf",
            "-Infinity",
            "0x1F",
            "1_000",
            "1,23,456",
            "1.2.3",
            "1,2.3,4",
            "(1)",
            "1/0",
            "8/",
            "±1",
        ),
        *("3 ± -1", "True", "٣", "1\x00", "<script>", "=1+1", "--1", "1 2", "1e", "．5"),
    ],
)
def test_what_is_no_number_is_bad_and_has_no_value(cell: str) -> None:
    found = numbers(pl.Series([cell]))
    assert (found.value[0], found.error[0], found.bad[0]) == (None, None, True)


def test_missing_cells_and_nan_are_counted_apart() -> None:
    found = numbers(pl.Series([None, "", " ", "-", "N/A", "nan", "NaN", "0"]))
    assert found.value.to_list() == [None] * 7 + [0.0]
    assert not found.bad.any()
    assert (found.counts["missing"], found.counts["NaN"]) == (5, 2)


def test_numbers_in_a_column_of_numbers_stay_and_infinity_is_bad() -> None:
    found = numbers(pl.Series([1.5, None, math.nan, math.inf]))
    assert found.value.to_list() == [1.5, None, None, None]
    assert found.bad.to_list() == [False, False, False, True]
    assert numbers(pl.Series([True, False])).bad.all()


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_the_shortest_text_of_a_float_gives_the_float(value: float) -> None:
    assert numbers(pl.Series([repr(value)])).value[0] == value


@given(st.lists(st.text(max_size=12), min_size=1, max_size=20))
def test_any_text_is_a_finite_number_or_missing_or_bad(cells: list[str]) -> None:
    found = numbers(pl.Series(cells, dtype=pl.String))
    assert found.value.drop_nulls().is_finite().all()
    known = found.value.is_not_null().cast(int) + found.bad.cast(int)
    assert int(known.sum()) + found.counts["missing"] + found.counts["NaN"] == len(cells)


def test_rows_do_not_depend_on_their_neighbours() -> None:
    cells = ["1", "2 ± 1", "x", None, "1,000", "5%"]
    alone = [numbers(pl.Series([cell], dtype=pl.String)) for cell in cells]
    for order in (np.arange(6), np.arange(6)[::-1]):
        together = numbers(pl.Series([cells[row] for row in order]))
        assert together.value.to_list() == [alone[row].value[0] for row in order]
        assert together.bad.to_list() == [alone[row].bad[0] for row in order]
