"""Stage `prepare`: what it refuses, in one line, and what it says of the data."""

import importlib
import shutil
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from stages import artifacts
from stages.cli import main, run_stage
from stages.needed import data_of
from stages.store.store import Store

Write = Callable[[Mapping[str, Any]], Path]


def prepared(study: Write, tiny: dict[str, Any], copied: int) -> int:
    """The stage on a study of random images, so many of whose 100 test images are training images."""
    rng = np.random.default_rng(0)
    train, test = (rng.integers(0, 256, (count, 32, 32, 3)).astype(np.uint8) for count in (300, 100))
    test[:copied] = train[:copied]
    tiny["vision"] |= {
        "data": {"use": "npz", "images": "data.npz", "validation_share": 0.1, "outliers": 10, "training_outliers": 10},
        "conditions": {"clean": None, "far": {"use": "outliers", "kind": "far"}},
        "measurements": {"clean": {"accuracy": "capability"}, "far": {"auroc": "monitoring"}},
    }
    write_images(study(tiny), train, test, classes=4)
    assert run_stage("plan") == 0
    return run_stage("prepare")


def write_images(folder: Path, train: Any, test: Any, classes: int) -> None:
    known, tested = np.arange(300) % classes, np.arange(100) % classes
    np.savez(folder / "data.npz", x_train=train, x_test=test, y_train=known, y_test=tested)


def test_test_images_among_the_training_images(
    study: Write, tiny: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    assert prepared(study, tiny, 0) == 0
    assert "are in train" not in capsys.readouterr().out
    assert prepared(study, tiny, 20) == 2
    said = capsys.readouterr().err.splitlines()[-1]
    assert said.startswith("npz: ")
    assert said.endswith(" of the 100 images of test are in train, too; accepted: at most 1 %")
    assert Path("data.json").exists(), "of the run before"


def test_models_planned_for_other_data_are_not_trained_on_these(
    study: Write, tiny: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    """Data that lost a class after the plan, and the data of a plan before, where only plan ran again."""
    assert prepared(study, tiny, 0) == 0
    with np.load("data.npz") as held:
        write_images(Path(), held["x_train"], held["x_test"], classes=3)
    assert run_stage("prepare") == 0
    capsys.readouterr()
    refused = (
        "data.json: vision: not the data of this plan; `dvc repro prepare` makes them, `dvc repro --force prepare` "
        "where they were edited and DVC does not see it\n"
    )
    assert run_stage("train") == 2
    assert capsys.readouterr().err == refused
    assert run_stage("plan") == 0
    assert data_of(artifacts.PLANNED_RUNS.read())["vision"]["about"]["classes"] == ["0", "1", "2"]
    tiny["vision"]["data"]["outliers"] = 12
    study(tiny)
    assert run_stage("plan") == 0
    capsys.readouterr()
    refusing: tuple[Callable[[], int], ...] = (
        partial(run_stage, "train"),
        partial(main, ["status"]),
        partial(main, ["gc", "--yes"]),
    )
    for run in refusing:
        assert run() == 2
        assert capsys.readouterr().err == refused
    assert len(Store("store").listing("data")) > 1


@pytest.mark.parametrize(("stage", "during", "edited"), [
    ("plan", "stages.plan.expanded", "params.yaml"),
    ("plan", "stages.plan.expanded", "data/"),
    ("prepare", "stages.prepare.prepared", "data/"),
])  # fmt: skip
def test_an_edit_while_a_stage_runs_is_refused(
    stage: str,
    during: str,
    edited: str,
    study: Write,
    tiny: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """DVC looks at what a stage depends on once it has ended: it would take the edit for what was read."""
    folder = study(tiny)
    (folder / "data").mkdir()
    assert stage == "plan" or run_stage("plan") == 0
    module, _, name = during.rpartition(".")
    whole = getattr(importlib.import_module(module), name)

    def editing(*given: Any) -> Any:
        made = whole(*given)
        path = folder / "data/new.txt" if edited == "data/" else folder / edited
        path.write_text("edited")
        return made

    monkeypatch.setattr(during, editing)
    capsys.readouterr()
    assert run_stage(stage) == 2
    assert capsys.readouterr().err.splitlines()[-1] == (
        f"{edited} was edited while the stage ran; what was finished is kept under the keys of what was there before: "
        "run `dvc repro` again"
    )


def test_what_dvc_does_not_watch_is_named(
    study: Write, tiny: dict[str, Any], tmp_path_factory: pytest.TempPathFactory, capsys: pytest.CaptureFixture[str]
) -> None:
    """A path outside data/, one through a link in it, links inside one; a link to a file is watched."""
    outside = tmp_path_factory.mktemp("outside")
    folder, rng = study(tiny), np.random.default_rng(0)
    for place in ("a", "b"):
        (outside / place).mkdir()
        for index in range(50):
            Image.fromarray(rng.integers(0, 256, (16, 16)).astype(np.uint8)).save(outside / place / f"{index}.png")
    shutil.copytree(outside, folder / "data/plain")
    (folder / "data/plain/a/one.png").symlink_to(outside / "a/1.png")
    shutil.copytree(outside / "a", folder / "data/mixed/a")
    (folder / "data/mixed/b").symlink_to(outside / "b")
    (folder / "data/linked").symlink_to(outside)
    tiny["vision"] |= {
        "conditions": {"clean": None, "far": {"use": "outliers", "kind": "far"}},
        "measurements": {"clean": {"accuracy": "capability"}, "far": {"auroc": "monitoring"}},
    }
    options = {"use": "folder", "size": 16, "outliers": 10, "training_outliers": 10}
    again = "is not watched by DVC; after a change there: `dvc repro --force prepare`, then `dvc repro`"
    for path, named in (
        ("data/plain", []),
        ("data/mixed", ["data/mixed/b"]),
        ("data/linked", ["data/linked"]),
        (str(outside), [str(outside)]),
    ):
        tiny["vision"]["data"] = {**options, "path": path}
        study(tiny)
        assert main(["check"]) == 0
        said = [line for line in capsys.readouterr().out.splitlines() if "watched by DVC" in line]
        assert said == [f"  {place} {again}" for place in named]
    tiny["vision"]["data"] = {**options, "path": "data/plain", "near_outliers": {"use": "folder", "path": str(outside)}}
    study(tiny)
    assert main(["check"]) == 0
    said = [line for line in capsys.readouterr().out.splitlines() if "watched by DVC" in line]
    assert said == [f"  {outside} {again}"]
    tiny["vision"]["data"] = {**options, "path": str(outside)}
    study(tiny)
    assert run_stage("plan") == 0
    assert run_stage("prepare") == 0
    assert f"{outside} {again}" in capsys.readouterr().out.splitlines()
