"""Whether loss goes with method or with scale."""

import re

import polars as pl
import pytest

from analysis.audit.selection import selection_tests


def planned(lost: dict[tuple[str, int], int], methods: int = 4, each: int = 10) -> pl.DataFrame:
    """Runs of each method at widths 0, 1, 2; lost: (method, width) -> how many of them failed."""
    rows = []
    for m in range(methods):
        for width in range(3):
            for seed in range(each):
                failed = seed < lost.get((f"m{m}", width), 0)
                run = {
                    "method": f"m{m}",
                    "model": f"w{width}",
                    "family": "w",
                    "parameters": 1000 * 4**width,
                    "seed": seed,
                }
                rows.append(
                    {**run, "status": "failed" if failed else "finished", "reason": "diverged" if failed else ""}
                )
    return pl.DataFrame(rows)


def test_loss_that_goes_with_a_method_is_found() -> None:
    by = selection_tests(planned({("m1", width): 6 for width in range(3)})).rows_by_key(
        "question", named=True, unique=True
    )
    assert by["method"]["p"] < 0.001
    assert by["scale"]["p"] > 0.5
    assert by["method"]["lost"] == 18


def test_loss_that_goes_with_scale_is_found() -> None:
    lost = {(f"m{m}", width): (0, 2, 5)[width] for m in range(4) for width in range(3)}
    by = selection_tests(planned(lost)).rows_by_key("question", named=True, unique=True)
    assert by["method"]["p"] > 0.5
    assert (by["scale"]["test"], by["scale"]["p"] < 0.01, by["scale"]["statistic"] > 0) == ("logistic", True, True)


def test_perfect_separation_falls_back_to_ranks() -> None:
    lost = {(f"m{m}", 2): 10 for m in range(4)}
    scale = selection_tests(planned(lost)).filter(pl.col("question") == "scale").row(0, named=True)
    assert scale["test"] == "Mann-Whitney"
    assert scale["p"] < 1e-6


def test_nothing_lost_is_not_tested() -> None:
    tests = selection_tests(planned({}))
    assert tests["test"].to_list() == ["none", "none"]
    assert tests["p"].to_list() == [None, None]


def test_two_methods_are_tested_exactly() -> None:
    tests = selection_tests(planned({("m0", 0): 5}, methods=2))
    assert tests.row(0, named=True)["p"] == pytest.approx(0.0522, abs=0.001)


def test_an_unknown_status_is_named() -> None:
    frame = planned({}).with_columns(pl.lit("gone").alias("status"))
    message = "planned runs: status 'gone' is not one of: finished, failed, flagged, excluded, missing"
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        selection_tests(frame)
    with pytest.raises(ValueError, match=r"^planned runs: missing columns \['reason'\]$"):
        selection_tests(frame.drop("reason"))
