"""The table of the rogues: its intervals, and what it says stopped one."""

from typing import Any

import pytest

from benchmarks.rogues import stopped, table, varied, wilson

ROW: dict[str, Any] = {
    "method": "m",
    "area": "a",
    "label": "NULL",
    "label_ungated": "NULL",
    "reason": "",
    "beyond": 0.1,
}
ROW |= {"p": None, "failed": 0, "planned": 9, "label_by_accuracy": None, "placebo": False}


def test_wilsons_interval_of_published_cases() -> None:
    """Newcombe 1998, table I, method 3: 81 of 263, 15 of 148, 0 of 20."""
    for found, total, low, high in ((81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0, 0.1611)):
        assert wilson(found, total) == pytest.approx((low, high), abs=1e-4)


@pytest.mark.parametrize(
    ("what", "said"),
    [
        ({}, "NULL"),
        ({"label": "DIFFERENTIAL"}, "nothing"),
        ({"label": "GAIN, SIZE OPEN"}, "nothing"),
        ({"label": "DIFFERENTIAL", "label_by_accuracy": "TRADE-OFF"}, "nothing"),
        ({"label": "DIFFERENTIAL", "label_by_accuracy": "NULL"}, "by clean accuracy NULL"),
        ({"label": "DIFFERENTIAL", "p": 0.01, "failed": 3}, "ledger: 3 of 9 failed"),
        ({"label": "DIFFERENTIAL", "p": 0.01, "failed": 0}, "nothing"),
        (
            {"label": "BLOCKED", "reason": "validity: 9 of 9", "label_ungated": "TRADE-OFF"},
            "validity (TRADE-OFF without)",
        ),
    ],
)
def test_what_stops_a_method_is_said(what: dict[str, Any], said: str) -> None:
    assert stopped({**ROW, **what}) == said


def test_every_method_and_area_has_a_line_and_all_but_placebos_one_together() -> None:
    rows = [{**ROW, "area": area, "label": label} for area, label in (("a", "NULL"), ("b", "DIFFERENTIAL"))]
    lines = table([*rows, {**ROW, "method": "n", "placebo": True}])[2:]
    assert [line.split(" | ")[1] for line in lines[:3]] == ["a", "b", "all"]
    assert lines[-1].startswith("| all | all | 1 of 2 ")
    assert "1 of 2 [0.09, 0.91]" in lines[2]
    assert "1 DIFFERENTIAL, 1 NULL" in lines[2]


def test_a_study_varies_its_images_and_seeds_and_what_rogues_know_of_them() -> None:
    methods: dict[str, Any] = {"standard": None, "rogue": {"data": {"use": "glyphs"}}}
    study: dict[str, Any] = {
        "vision": {"data": {"use": "glyphs"}, "methods": methods, "seeds": {"*": [0], "standard": [0, 1]}}
    }
    task = varied(study, 3)["vision"]
    assert task["data"]["seed"] == task["methods"]["rogue"]["data"]["seed"] == 3
    assert task["seeds"] == {"*": [6], "standard": [6, 7]}
    assert "seed" not in study["vision"]["data"]
