"""What runs were made with: environments are counted, and pairs that cross from one to another."""

import json
import re
from typing import Any

import polars as pl
import pytest

from analysis.environments import crossings, environments
from analysis.schema import TableError, checked
from analysis.tables import PROVENANCE

HERE: dict[str, Any] = {
    "python": "3.11.7",
    "torch": "2.13.0+cpu",
    "numpy": "2.2.1",
    "processor": "old",
    "device": "cpu",
    "threads": 1,
    "commit": "abc",
    "dirty": False,
}
THERE = HERE | {"processor": "new", "commit": "def"}


def made(*rows: tuple[str, int, str, dict[str, Any]], step: int = 10) -> pl.DataFrame:
    """The table PROVENANCE of one data set and model, from method, seed, stage and environment."""
    place = {"domain": "vision", "dataset": "digits", "model": "cnn-1", "step": step}
    full = [
        {**place, "method": method, "seed": seed, "stage": stage, "environment": json.dumps(found, sort_keys=True)}
        for method, seed, stage, found in rows
    ]
    return checked(pl.DataFrame(full, schema=PROVENANCE.columns), PROVENANCE)


def crossed(frame: pl.DataFrame) -> list[tuple[str, str, int, int]]:
    return crossings(frame).select("method", "field", "crossing", "pairs").rows()


def test_each_stages_environments_are_counted_in_runs() -> None:
    frame = made(
        ("standard", 0, "train", HERE),
        ("standard", 1, "train", HERE),
        ("mixup", 0, "train", THERE),
        ("mixup", 0, "measure", HERE),
    )
    found = environments(frame)
    assert found.select("stage", "processor", "commit", "threads", "dirty", "timm", "runs").rows() == [
        ("measure", "old", "abc", 1, False, None, 1),
        ("train", "new", "def", 1, False, None, 1),
        ("train", "old", "abc", 1, False, None, 2),
    ]
    assert environments(PROVENANCE.empty()).is_empty()


def test_a_checkpoint_is_no_run_of_its_own() -> None:
    frame = pl.concat([made(("standard", 0, "train", HERE)), made(("standard", 0, "train", HERE), step=1)])
    assert environments(frame)["runs"].to_list() == [1]


def test_a_pair_crosses_where_its_runs_were_made_differently() -> None:
    """The commit is in no comparison; the seed whose standard run is missing is no pair."""
    frame = made(
        ("standard", 0, "train", HERE),
        ("standard", 1, "train", THERE),
        ("mixup", 0, "train", THERE),
        ("mixup", 1, "train", THERE),
        ("mixup", 2, "train", HERE),
        ("noise", 0, "train", HERE | {"commit": "other", "dirty": True}),
        ("noise", 1, "train", THERE | {"torch": "2.12", "threads": 2}),
    )
    assert crossed(frame) == [
        ("mixup", "processor", 1, 2),
        ("noise", "threads", 1, 2),
        ("noise", "torch", 1, 2),
    ]
    assert crossed(frame.filter(method="standard")) == crossed(PROVENANCE.empty()) == []


def test_a_pair_crosses_within_a_stage_not_between_stages() -> None:
    both = [
        (method, 0, stage, where)
        for method in ("standard", "mixup")
        for stage, where in (("train", HERE), ("measure", THERE))
    ]
    assert crossed(made(*both)) == []
    assert crossed(made(*both, ("mixup", 0, "measure", HERE))) == [("mixup", "processor", 1, 1)]


def test_only_the_last_step_of_a_run_is_compared() -> None:
    ends = made(("standard", 0, "train", HERE), ("mixup", 0, "train", HERE))
    assert crossed(pl.concat([ends, made(("standard", 0, "train", THERE), step=1)])) == []


def test_what_is_not_recorded_crosses_nothing() -> None:
    unknown = {name: value for name, value in HERE.items() if name != "processor"}
    assert crossed(made(("standard", 0, "train", HERE), ("mixup", 0, "train", unknown))) == []


@pytest.mark.parametrize("wrong", ["{", '{"threads": "many"}'])
def test_what_is_no_environment_is_refused(wrong: str) -> None:
    frame = made(("standard", 0, "train", HERE)).with_columns(environment=pl.lit(wrong))
    message = "provenance: column 'environment' holds what is not JSON of its fields"
    with pytest.raises(TableError, match=f"^{re.escape(message)}$"):
        environments(frame)
