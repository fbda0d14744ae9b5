"""Which rows of a table are the ladder, which are pairs, and why the others take no part."""

from typing import Any

import polars as pl
import pytest

from analysis.pairs.structure import LEFT_OUT, structured


def models(*rows: tuple[str, str, str], within: dict[int, str] | None = None) -> pl.DataFrame:
    """Rows of (key, method, baseline), the family of each being the start of its key."""
    return pl.DataFrame(
        [
            {"row": n, "key": key, "within": (within or {}).get(n, ""), "method": m, "baseline": b, "family": key[:1]}
            for n, (key, m, b) in enumerate(rows, 1)
        ]
    )


BASES = (("a1", "", ""), ("a2", "", ""), ("b1", "", ""))


def test_baseline_rows_are_the_ladder_and_method_rows_the_pairs() -> None:
    found = structured(models(*BASES, ("a1-chat", "chat", "a1"), ("b1-chat", "chat", "b1")))
    assert found.rungs == {"a1": "a", "a2": "a", "b1": "b"}
    assert found.pairs.select("method", "model", "baseline", "family", "chain").rows() == [
        ("chat", "a1-chat", "a1", "a", False),
        ("chat", "b1-chat", "b1", "b", False),
    ]
    assert found.left_out.equals(LEFT_OUT.empty())
    assert found.methods == ["chat"]


@pytest.mark.parametrize(
    ("row", "reason", "detail"),
    [
        (("x", "chat", ""), "no baseline named", ""),
        (("x", "", "a1"), "no method", "its baseline is 'a1'"),
        (("x", "chat", "x"), "own baseline", ""),
        (("x", "chat", "A1"), "baseline missing but for letter case", "'A1', there is 'a1'"),
        (("x", "chat", "a1 "), "baseline missing", "'a1 ', nearest: 'a1'"),
        (("x", "chat", "zzz"), "baseline missing", "'zzz'"),
    ],
)
def test_a_row_that_takes_no_part_is_named_with_its_reason(row: Any, reason: str, detail: str) -> None:
    found = structured(models(*BASES, row))
    assert found.left_out.rows() == [(4, "x", reason, detail)]
    assert found.pairs.is_empty()
    assert set(found.rungs) == {"a1", "a2", "b1"}


def test_rows_without_any_value_take_no_part() -> None:
    """Nor do pairs whose baseline has none."""
    rows = models(*BASES, ("a1-chat", "chat", "a1"), ("a2-chat", "chat", "a2"), ("b1-chat", "chat", "b1"))
    found = structured(rows, {"a1", "b1", "a1-chat", "a2-chat"})
    assert found.left_out.rows() == [
        (2, "a2", "no value", ""),
        (5, "a2-chat", "baseline without a value", "'a2'"),
        (6, "b1-chat", "no value", ""),
    ]
    assert found.pairs["model"].to_list() == ["a1-chat"]
    assert set(found.rungs) == {"a1", "b1"}


def test_a_baseline_whose_method_is_a_word_for_nothing_is_told_what_to_write() -> None:
    found = structured(models(("x", "dense", ""), ("x-awq", "awq", "x")))
    said = "others name it: if 'dense' says that nothing was done, leave it empty, or name it under 'missing'"
    assert found.left_out.rows() == [(1, "x", "no baseline named", said)]
    assert found.pairs["chain"].to_list() == [True]
    found = structured(models(("a1", "", ""), ("x", "chat", ""), ("x-awq", "awq", "x"), ("a1-chat", "chat", "a1")))
    assert found.left_out.rows() == [(2, "x", "no baseline named", "")]  # chat is done to a1, too: no such word


def test_all_rows_of_a_name_that_stands_twice_leave_and_so_do_pairs_with_it() -> None:
    found = structured(models(*BASES, ("a1", "", ""), ("a1-chat", "chat", "a1"), ("a2-chat", "chat", "a2")))
    assert found.left_out.select("row", "name", "reason").rows() == [
        (1, "a1", "duplicate name"),
        (4, "a1", "duplicate name"),
        (5, "a1-chat", "baseline duplicate"),
    ]
    assert set(found.rungs) == {"a2", "b1"}
    assert found.pairs["model"].to_list() == ["a2-chat"]


def test_a_baseline_of_two_rows_is_the_one_that_shares_what_tells_them_apart() -> None:
    rows = [("a1", "", ""), ("a1", "", ""), ("a1-chat", "chat", "a1"), ("b1", "", ""), ("b1-chat", "chat", "b1")]
    within = {1: "float16", 2: "bfloat16", 3: "bfloat16", 4: "float16", 5: "bfloat16"}
    found = structured(models(*rows, within=within))
    assert found.pairs.select("model", "baseline", "within").rows() == [
        ("a1-chat [bfloat16]", "a1 [bfloat16]", True),
        ("b1-chat [bfloat16]", "b1 [float16]", False),  # the only row of its name
    ]
    assert set(found.rungs) == {"a1 [float16]", "a1 [bfloat16]", "b1 [float16]"}


def test_a_chain_is_a_pair_and_no_rung() -> None:
    found = structured(models(*BASES, ("a1-sft", "sft", "a1"), ("a1-dpo", "dpo", "a1-sft")))
    assert found.pairs.select("model", "baseline", "chain").rows() == [
        ("a1-dpo", "a1-sft", True),
        ("a1-sft", "a1", False),
    ]
    assert "a1-sft" not in found.rungs


def test_without_families_each_baseline_is_its_own() -> None:
    found = structured(models(*BASES, ("a1-x", "x", "a1"), ("a1-y", "x", "a1")).with_columns(family=pl.lit("")))
    assert found.pairs["family"].to_list() == ["a1", "a1"]
    assert found.rungs == {"a1": "a1", "a2": "a2", "b1": "b1"}


def test_a_method_that_loses_all_its_pairs_keeps_its_name() -> None:
    assert structured(models(*BASES, ("x", "chat", "gone"))).methods == ["chat"]
