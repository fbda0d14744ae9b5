"""A method that holds code of what it is measured on: found by the plan, flagged in the results."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from pipelines import parts
from stages.collect import results
from stages.store.code_path import CodePath
from stages.study.expansion import planned_measurements
from stages.study.leaks import leaking
from stages.study.params import read

PACKAGE = "pipelines.vision.methods"
Write = Callable[[Mapping[str, Any]], Path]


@pytest.mark.parametrize(
    ("condition", "found"),
    [
        ("clean", ["rogue_sandbag", "rogue_test_checkpoint"]),
        ("corruptions", ["rogue_sandbag", "rogue_test_checkpoint", "rogue_test_corruptions"]),
    ],
)
def test_of_all_methods_the_rogues_that_look_are_found(condition: str, found: list[str]) -> None:
    methods = {name: [f"{PACKAGE}.{name}"] for name in parts.names(PACKAGE)}
    assert leaking(methods, [f"pipelines.vision.conditions.{condition}"], CodePath()) == found


def test_the_values_of_a_method_that_looked_carry_a_flag(study: Write, tiny: dict[str, Any]) -> None:
    tiny["vision"]["methods"] = {"standard": None, "rogue_test_corruptions": None}
    study(tiny)
    (task,) = read().tasks
    rows = planned_measurements(task, CodePath())
    leaks = {row["measurement"]: row["leaks"] for row in rows}
    assert [name for name, methods in leaks.items() if methods] == ["corruptions/accuracy"]
    assert leaks["corruptions/accuracy"] == "rogue_test_corruptions"
    planned = {(row["task"], row["measurement"]): row for row in rows}
    about = dict.fromkeys(("domain", "dataset", "model", "family", "parameters", "flops", "seed", "steps"), 0)
    values = {"clean/accuracy": 0.5, "corruptions/accuracy": 0.5}
    for method, flags in (("standard", ["", ""]), ("rogue_test_corruptions", ["", "leak"])):
        run = {"task": "vision", "method": method, **about}
        assert [row["flags"] for row in results(run, values, planned, {})] == flags
