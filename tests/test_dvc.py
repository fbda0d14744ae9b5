"""The pipeline as DVC's users know it: in a clone of the repository, with the real `dvc`."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest
from ruamel.yaml import YAML

from tests.stages.conftest import ROOT, TINY

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

SHARED = (
    "pipelines",
    "stages",
    "analysis",
    "cluster",
    "dvc.yaml",
    ".dvc",
    ".dvcignore",
    ".gitignore",
    "data",
    "plan",
    "failures",
)
FLAKY = '''"""Standard training that fails while a marker file is there."""

from pathlib import Path

from pipelines.vision.method import Method, Step, plain_loss


def method(*, marker: str) -> Method:
    """marker: path of the file."""

    def loss(step: Step):
        if Path(marker).exists():
            raise RuntimeError("not yet")
        return plain_loss(step)

    return Method(loss)
'''


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """The project as a git repository with a tiny study, without what earlier runs left."""
    folder = tmp_path / "clone"
    folder.mkdir()
    ours = shutil.ignore_patterns("__pycache__", "*.parquet", "cache", "tmp", "*.json")
    for name in SHARED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=ours)
        else:
            shutil.copy(source, folder / name)
    study = {**TINY, "audit": {"placebos": [], "draws": 200}}
    YAML().dump(study, folder / "params.yaml")
    git(folder, "init", "-q")
    git(folder, "add", "-A")
    git(folder, "-c", "user.name=a", "-c", "user.email=a@b.c", "commit", "-qm", "start")
    return folder


def git(folder: Path, *arguments: str) -> None:
    subprocess.run(["git", *arguments], cwd=folder, check=True)


def dvc(folder: Path, *arguments: str) -> str:
    """The output of a dvc command that must succeed, with this environment's python first on the path."""
    kept = {name: value for name, value in os.environ.items() if name not in ("RAY_ADDRESS", "DIFFPROG_STORE")}
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**kept, "PATH": path, "PYTHONPATH": str(folder)}
    command = [sys.executable, "-m", "dvc", *arguments]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"dvc {' '.join(arguments)}:\n{done.stdout}\n{done.stderr}"
    return done.stdout


def test_repro_is_made_once_and_experiments_amend_it(clone: Path) -> None:
    dvc(clone, "repro")
    assert (clone / "report/index.html").stat().st_size > 100_000
    assert "Data and pipelines are up to date" in dvc(clone, "repro")
    assert "up to date" in dvc(clone, "status")
    assert "audit.json" in dvc(clone, "metrics", "show")
    assert "index.html" in dvc(clone, "plots", "show")
    stored = sorted((clone / "store/runs").rglob("*.record"))
    dvc(clone, "exp", "run", "-S", "vision.methods.noise.sigma=0.2")
    assert "0.2" in dvc(clone, "params", "diff")
    added = set((clone / "store/runs").rglob("*.record")) - set(stored)
    assert len(added) == 6


def test_what_failed_is_tried_again_by_the_next_repro(clone: Path, tmp_path: Path) -> None:
    (clone / "pipelines/vision/methods/flaky.py").write_text(FLAKY)
    marker = tmp_path / "marker"
    marker.touch()
    params = YAML(typ="safe").load(clone / "params.yaml")
    params["vision"]["methods"] = {"standard": None, "flaky": {"marker": str(marker)}}
    params["vision"]["models"] = {"resnet": {"widths": [4]}}
    YAML().dump(params, clone / "params.yaml")
    dvc(clone, "repro")
    assert len(json.loads((clone / "failures/train.json").read_text())) == 2
    assert "RuntimeError: not yet" in (clone / "report/index.html").read_text()
    assert "retry.json" in dvc(clone, "status")
    marker.unlink()
    dvc(clone, "repro")
    assert json.loads((clone / "failures/train.json").read_text()) == {}
    assert "RuntimeError: not yet" not in (clone / "report/index.html").read_text()
    assert "up to date" in dvc(clone, "status")


def test_a_number_as_dvc_writes_it_is_read(clone: Path) -> None:
    """0.00001 becomes 1e-05, without a point, which is a number in YAML 1.2 alone."""
    dvc(clone, "exp", "run", "-S", "+vision.training.weight_decay=0.00001", "plan")
    assert "weight_decay: 1e-05\n" in (clone / "params.yaml").read_text()
    (spec, *_) = pl.read_parquet(clone / "plan/runs.parquet")["spec"]
    assert json.loads(spec)["training"]["weight_decay"] == 1e-5
