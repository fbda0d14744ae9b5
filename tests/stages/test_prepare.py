"""Stage `prepare`: what it refuses, in one line, and what it says of the data."""

import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from stages.cli import main, run_stage

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
    folder = study(tiny)
    known, tested = np.arange(300) % 4, np.arange(100) % 4
    np.savez(folder / "data.npz", x_train=train, x_test=test, y_train=known, y_test=tested)
    assert run_stage("plan") == 0
    return run_stage("prepare")


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
