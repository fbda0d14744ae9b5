"""A folder with a tiny study in it, and its stages run as DVC runs them."""

import copy
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from stages.tracking_connection import reach

ROOT = Path(__file__).parent.parent.parent

TINY: dict[str, Any] = {
    "study": "tiny",
    "vision": {
        "data": {
            "use": "glyphs",
            "train": 120,
            "validation": 20,
            "capability": 40,
            "test": 60,
            "held_out_fonts": 40,
            "spurious": 100,
            "cue_conflict": 40,
            "cue_swap": 10,
            "localised": 10,
            "outliers": 40,
            "training_outliers": 60,
            "transfer_train": 60,
            "transfer_test": 40,
        },
        "training": {"epochs": 1, "batch_size": 30},
        "models": {"resnet": {"widths": [4]}, "vit": {"widths": [12, 24]}},
        "seeds": [0, 1],
        "methods": {"standard": None, "noise": {"sigma": 0.1}, "outlier_exposure": None},
        "conditions": {
            "clean": None,
            "corruptions": {"images": 10, "kinds": ["contrast"]},
            "near": {"use": "outliers", "kind": "near"},
            "spurious": None,
        },
        "measurements": {
            "clean": {"accuracy": "capability", "brier_score": "monitoring"},
            "corruptions": {"accuracy": "robustness"},
            "near": {"auroc": "monitoring", "energy": {"use": "auroc", "score": "energy", "is": "monitoring"}},
            "spurious": {"worst_group_accuracy": "robustness"},
        },
    },
}
STAGES = ("plan", "prepare", "train", "predict", "measure", "collect")


@pytest.fixture
def tiny() -> dict[str, Any]:
    """The tiny study, to be changed at will."""
    copied: dict[str, Any] = copy.deepcopy(TINY)
    return copied


@pytest.fixture
def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[Mapping[str, Any]], Path]:
    """Write a params.yaml into an empty folder and go there."""
    for name in ("DIFFPROG_STORE", "MLFLOW_TRACKING_URI", "RAY_ADDRESS"):
        monkeypatch.delenv(name, raising=False)

    def write(content: Mapping[str, Any]) -> Path:
        YAML().dump(dict(content), tmp_path / "params.yaml")
        monkeypatch.chdir(tmp_path)
        return tmp_path

    return write


def stage(folder: Path, name: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run one stage in a process of its own."""
    variables = {**os.environ, "PYTHONPATH": str(ROOT), **environment}
    return subprocess.run(
        [sys.executable, "-m", "stages", name], cwd=folder, env=variables, capture_output=True, text=True, check=False
    )


def run_all(folder: Path, stages: tuple[str, ...] = STAGES) -> None:
    """Run the stages in order; each must succeed."""
    for name in stages:
        done = stage(folder, name)
        assert done.returncode == 0, f"{name}: {done.stdout}\n{done.stderr}"


def fresh_copy(folder: Path, destination: Path) -> Path:
    """The study's params.yaml in another, empty folder."""
    destination.mkdir()
    shutil.copy(folder / "params.yaml", destination)
    return destination


@pytest.fixture(scope="session")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a study whose outcomes are drawn, analysed; tests add files to it and change none."""
    from tests.stages.drawn import drawn_study

    folder = tmp_path_factory.mktemp("drawn")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for name in ("DIFFPROG_STORE", "RAY_ADDRESS", "MLFLOW_TRACKING_URI"):
            patch.delenv(name, raising=False)
        drawn_study(folder)
    return folder


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """MLflow's tables with nothing in them, which take seconds to make: tests copy it."""
    path = tmp_path_factory.mktemp("mlflow") / "mlflow.db"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{path}")
        reach()
    return path
