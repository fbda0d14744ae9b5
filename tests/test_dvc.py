"""The pipeline as DVC's users know it: in a clone of the repository, with the real `dvc`."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from mlflow import MlflowClient
from PIL import Image
from ruamel.yaml import YAML

from tests.stages.conftest import ROOT, TINY

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]

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
    "retry.json",
)
ELSEWHERE = ("RAY_ADDRESS", "DIFFPROG_STORE", "MLFLOW_TRACKING_URI")
FLAKY = '''"""Standard training that fails while a marker file is there."""

from pathlib import Path

from pipelines.supervised.method import Method, Step, plain_loss


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
    return cloned(tmp_path / "clone")


@pytest.fixture(scope="module")
def reproduced(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Such a project after `dvc repro`, with dvc.lock committed and everything pushed to a remote that is a folder."""
    folder = cloned(tmp_path_factory.mktemp("reproduced") / "study")
    dvc(folder, "remote", "add", "--default", "local", str(folder.parent / "remote"))
    dvc(folder, "repro")
    commit(folder, "reproduced")
    dvc(folder, "push")
    return folder


def cloned(folder: Path) -> Path:
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
    commit(folder, "start")
    return folder


def commit(folder: Path, message: str) -> None:
    git(folder, "add", "-A")
    git(folder, "-c", "user.name=a", "-c", "user.email=a@b.c", "commit", "-qm", message)


def git(folder: Path, *arguments: str) -> None:
    subprocess.run(["git", *arguments], cwd=folder, check=True)


def dvc(folder: Path, *arguments: str) -> str:
    """The output of a dvc command that must succeed, with this environment's python first on the path."""
    kept = {name: value for name, value in os.environ.items() if name not in ELSEWHERE}
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


def with_flaky(clone: Path, marker: Path) -> dict[str, Any]:
    """Its params.yaml with a method that fails while the marker is there, as it is."""
    (clone / "pipelines/vision/methods/flaky.py").write_text(FLAKY)
    marker.touch()
    params: dict[str, Any] = YAML(typ="safe").load(clone / "params.yaml")
    params["vision"]["methods"] = {"standard": None, "flaky": {"marker": str(marker)}}
    params["vision"]["models"] = {"resnet": {"widths": [4]}}
    YAML().dump(params, clone / "params.yaml")
    return params


def test_what_failed_is_tried_again_by_the_next_repro(clone: Path, tmp_path: Path) -> None:
    marker = tmp_path / "marker"
    with_flaky(clone, marker)
    dvc(clone, "repro")
    assert len(json.loads((clone / "failures/train.json").read_text())) == 2
    assert "RuntimeError: not yet" in (clone / "report/index.html").read_text()
    assert "retry.json" in dvc(clone, "status")
    marker.unlink()
    dvc(clone, "repro")
    assert json.loads((clone / "failures/train.json").read_text()) == {}
    assert "RuntimeError: not yet" not in (clone / "report/index.html").read_text()
    assert "up to date" in dvc(clone, "status")


def test_a_failure_like_an_earlier_one_is_tried_again_and_none_comes_back(clone: Path, tmp_path: Path) -> None:
    """It fails and then succeeds; does so again with other options; retry.json becomes what it was at the first."""
    marker = tmp_path / "marker"
    params = with_flaky(clone, marker)
    params["vision"] |= {"seeds": [0], "conditions": {"clean": None}}
    params["vision"]["measurements"] = {"clean": {"accuracy": "capability", "brier_score": "monitoring"}}
    for rate in (0.002, 0.003):
        params["vision"]["training"]["learning_rate"] = rate
        YAML().dump(params, clone / "params.yaml")
        marker.touch()
        dvc(clone, "repro")
        assert fates(clone) == {"finished": 1, "failed": 1}
        marker.unlink()
        dvc(clone, "repro")
        assert fates(clone) == {"finished": 2}
    git(clone, "checkout", "-q", "retry.json")
    dvc(clone, "repro")
    assert fates(clone) == {"finished": 2}
    assert set(pl.read_parquet(clone / "results.parquet")["method"]) == {"standard", "flaky"}


def test_a_number_as_dvc_writes_it_is_read(clone: Path) -> None:
    """0.00001 becomes 1e-05, without a point, which is a number in YAML 1.2 alone."""
    dvc(clone, "exp", "run", "-S", "+vision.training.weight_decay=0.00001", "plan")
    assert "weight_decay: 1e-05\n" in (clone / "params.yaml").read_text()
    (spec, *_) = pl.read_parquet(clone / "plan/runs.parquet")["spec"]
    assert json.loads(spec)["training"]["weight_decay"] == 1e-5


def test_a_colleagues_clone_has_nothing_to_do_and_makes_what_a_change_needs(reproduced: Path, tmp_path: Path) -> None:
    colleague = tmp_path / "colleague"
    git(reproduced, "clone", "-q", str(reproduced), str(colleague))
    dvc(colleague, "pull")
    assert "up to date" in dvc(colleague, "status")
    assert "Data and pipelines are up to date" in dvc(colleague, "repro")
    assert not (colleague / "store").exists()
    set_sigma(colleague, 0.4)
    dvc(colleague, "repro")
    assert fates(colleague) == {"finished": 18}
    assert json.loads((colleague / "retry.json").read_text()) == {}
    assert sigmas_in_mlflow(colleague) == {0.4}
    before, after = (pl.read_parquet(folder / "results.parquet") for folder in (reproduced, colleague))
    unchanged = pl.col("method") != "noise"
    assert after.filter(unchanged).equals(before.filter(unchanged))
    assert "up to date" in dvc(colleague, "status")


def test_experiments_in_temporary_folders_use_the_projects_store_and_mlflow(reproduced: Path) -> None:
    stored = records(reproduced)
    dvc(reproduced, "exp", "run", "--temp", "-S", "vision.methods.noise.sigma=0.2")
    assert len(records(reproduced) - stored) == 6
    assert sigmas_in_mlflow(reproduced) == {0.1, 0.2}
    dvc(reproduced, "exp", "run", "--queue", "-S", "vision.methods.noise.sigma=0.3")
    dvc(reproduced, "exp", "run", "--run-all")
    assert len(records(reproduced) - stored) == 12
    assert sigmas_in_mlflow(reproduced) == {0.1, 0.2, 0.3}
    assert "up to date" in dvc(reproduced, "status")


@pytest.mark.parametrize("copied", [(), ("--copy-paths", "data/mine")], ids=["left in place", "copied"])
def test_data_of_ones_own_are_found_from_a_temporary_folder(copied: tuple[str, ...], clone: Path) -> None:
    generator = np.random.default_rng(0)
    for name in (f"{kind}/{index}" for kind in ("cat", "dog") for index in range(40)):
        file = clone / f"data/mine/{name}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(generator.integers(0, 256, (8, 8, 3), dtype=np.uint8)).save(file)
    params = YAML(typ="safe").load(clone / "params.yaml")
    params["vision"]["data"] = {"use": "folder", "path": "data/mine"}
    for section in ("conditions", "measurements"):
        params["vision"][section] = {"clean": params["vision"][section]["clean"]}
    del params["vision"]["methods"]["outlier_exposure"]
    YAML().dump(params, clone / "params.yaml")
    dvc(clone, "repro", "prepare")
    commit(clone, "prepared")
    said = dvc(clone, "exp", "run", "--temp", *copied, "-S", "vision.seeds=[0]", "prepare")
    assert ("Stage 'prepare' didn't change" in said) == bool(copied)
    (made,) = dvc(clone, "exp", "list", "--name-only").split()
    lock = subprocess.check_output(["git", "show", f"{revision(clone, made)}:dvc.lock"], cwd=clone, text=True)
    prepared = [YAML(typ="safe").load(text)["stages"]["prepare"] for text in (lock, (clone / "dvc.lock").read_text())]
    assert prepared[0]["outs"] == prepared[1]["outs"]


def revision(folder: Path, experiment: str) -> str:
    """The commit of an experiment, whose reference git keeps apart from branches."""
    references = subprocess.check_output(
        ["git", "for-each-ref", "--format=%(refname)", "refs/exps"], cwd=folder, text=True
    )
    return next(name for name in references.split() if name.endswith(f"/{experiment}"))


def set_sigma(folder: Path, sigma: float) -> None:
    params = YAML().load(folder / "params.yaml")
    params["vision"]["methods"]["noise"]["sigma"] = sigma
    YAML().dump(params, folder / "params.yaml")


def fates(folder: Path) -> dict[str, int]:
    return dict(pl.read_parquet(folder / "runs.parquet").group_by("status").len().iter_rows())


def records(folder: Path) -> set[Path]:
    return set((folder / "store/runs").rglob("*.record"))


def sigmas_in_mlflow(folder: Path) -> set[float]:
    """Of the runs of `noise` in the project's own mlflow.db."""
    client = MlflowClient(f"sqlite:///{folder / 'mlflow.db'}")
    experiment = client.get_experiment_by_name("tiny")
    assert experiment is not None
    runs = client.search_runs([experiment.experiment_id], max_results=1000)
    return {float(run.data.params["method.sigma"]) for run in runs if run.data.params.get("method") == "noise"}
