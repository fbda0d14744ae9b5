"""Studies of agents, language models, rows and games that cannot be: a line for each fault, before any compute."""

from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from stages.study import params
from stages.study.checks import WrongParams
from tests.stages.conftest import ROOT


def faults(name: str, changes: dict[str, Any], folder: Path) -> list[str]:
    """What is wrong with a study of docs/studies, `task.section...` of it changed."""
    study = YAML(typ="safe").load(ROOT / f"docs/studies/{name}.yaml")
    for place, value in changes.items():
        *way, last = place.split(".")
        section = study
        for step in way:
            section = section[step]
        section[last] = value
    YAML().dump(study, folder / "params.yaml")
    with pytest.raises(WrongParams) as caught:
        params.read(folder / "params.yaml")
    return [fault.removeprefix("params.yaml: ") for fault in caught.value.faults]


def test_streams_families_and_splits_that_cannot_be_are_named(tmp_path: Path) -> None:
    changes = {
        "flows.data.unseen_families": ["scan", "miner"],
        "flows.conditions.alarm": {"length": 30, "change": 30},
        "flows.conditions.evasion": {"epsilon": -0.3},
    }
    assert faults("tabular", changes, tmp_path) == [
        "flows.data: 'families' and 'unseen_families' both have 'scan'",
        "flows.conditions.evasion: 'epsilon' is -0.3, not a number above 0",
        "flows.conditions.alarm: 'change' is 30, not below 'length', 30: no row of a stream comes after it",
    ]
    (fault,) = faults("tabular", {"series.methods.outlier_exposure": None}, tmp_path)
    assert fault.startswith("series.methods.outlier_exposure: ")
    assert "training_outliers" in fault


def test_payoffs_and_discounts_that_cannot_be_are_named(tmp_path: Path) -> None:
    (fault,) = faults("games", {"games.data.discount": -0.5}, tmp_path)
    assert fault == "games.data: 'discount' is -0.5, not a number from 0 to 0.99"
    given = {"use": "matrices", "payoffs": [[3, 0, 5, float("nan"), 3, 0, 5, 1]]}
    (fault,) = faults("games", {"games.data": given}, tmp_path)
    assert fault == "games.data: 'payoffs': game 1 has nan, not a finite number"
    fault, *of_audit = faults("games", {"games.measurements.self_play": {"nash_conv": "systemic safety"}}, tmp_path)
    assert fault.startswith("games.measurements.self_play.nash_conv: needs nash_conv, ")
    assert all(line.startswith("audit.games.") for line in of_audit)


def test_worlds_of_agents_that_cannot_be_are_named(tmp_path: Path) -> None:
    (fault,) = faults("control", {"control.data.walls": 70}, tmp_path)
    assert fault.startswith(
        "control.data: errands: of 1,920 levels of 9 x 9 cells with 70 walls 0 have a way of 4 to 18 "
    )
    assert "\n" not in fault
    (fault,) = faults("control", {"control.data.tempted": 0}, tmp_path)
    assert fault == ("control.data: errands: 'tempted' is 0: nothing tempts in training, so there is nothing to find")
    (fault,) = faults("control", {"control.methods.myopic": {"discount": -0.1}}, tmp_path)
    assert fault == "control.methods.myopic: 'discount' is -0.1, not a number from 0 to 0.999"


def test_worlds_of_facts_that_cannot_be_are_named(tmp_path: Path) -> None:
    found = faults("language", {"language.data.values": 1}, tmp_path)  # which both tasks share
    assert found == [
        f"{task}.data: 'values' is 1, not a whole number of at least 2" for task in ("language", "supervision")
    ]
