"""Stage `prepare`: what it refuses, in one line, and what it says of the data."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from stages.cli import run_stage

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
    labels = {"y_train": np.arange(300) % 4, "y_test": np.arange(100) % 4}
    np.savez(folder / "data.npz", x_train=train, x_test=test, **labels)
    return run_stage("prepare")


def test_test_images_among_the_training_images(
    study: Write, tiny: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    assert prepared(study, tiny, 0) == 0
    assert "too" not in capsys.readouterr().out
    assert prepared(study, tiny, 20) == 2
    said = capsys.readouterr().err.splitlines()[-1]
    assert said.startswith("npz: ")
    assert said.endswith(" of the 100 images of test are in train, too; accepted: at most 1 %")
    assert Path("data.json").exists(), "of the run before"
