"""The folder of the store and mlflow.db: the project's own, also in a temporary copy that DVC made of it."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from ruamel.yaml import YAML

from stages.home import home
from stages.making.data import prepared
from stages.store.store import Store
from stages.study import params
from stages.study.expansion import described
from tests.stages.conftest import ROOT

DVC_YAML = """
stages:
  where:
    cmd: "%s -c 'from stages.home import home; print(home().resolve())' >> %s"
    always_changed: true
"""


def test_it_is_the_current_folder_outside_of_temporary_copies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert home() == Path()
    (tmp_path / ".git").mkdir()
    assert home() == Path()
    deep = tmp_path / ".dvc" / "tmp" / "exps" / "not a clone"
    deep.mkdir(parents=True)
    monkeypatch.chdir(deep)
    assert home() == Path()


@pytest.mark.parametrize("below", [".", "studies/one"])
@pytest.mark.parametrize("temporary", ["standalone/tmpabc", "tmpabc"])
def test_it_is_the_projects_folder_in_a_temporary_copy(
    temporary: str, below: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".git").mkdir()
    for dvc_root in (tmp_path, tmp_path / below):
        copy = dvc_root / ".dvc" / "tmp" / "exps" / temporary
        (copy / ".git").mkdir(parents=True, exist_ok=True)
        (copy / below).mkdir(parents=True, exist_ok=True)
        monkeypatch.chdir(copy / below)
        assert home() == tmp_path / below


@pytest.mark.parametrize("below", [".", "sub"])
def test_dvc_exp_run_in_a_temporary_folder_finds_the_project(below: str, tmp_path: Path) -> None:
    project = tmp_path / "project"
    (project / below).mkdir(parents=True)
    said = tmp_path / "said"
    (project / below / "dvc.yaml").write_text(DVC_YAML % (sys.executable, said))
    for command in (
        "git init -q",
        f"{sys.executable} -m dvc init -q --subdir",
        "git add -A",
        "git -c user.email=a@b -c user.name=a commit -qm all",
        f"{sys.executable} -m dvc exp run --temp",
    ):
        where = project if command == "git init -q" else project / below
        variables = {**os.environ, "PYTHONPATH": str(ROOT), "DVC_NO_ANALYTICS": "1"}
        done = subprocess.run(command.split(), cwd=where, env=variables, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
    assert said.read_text() == f"{(project / below).resolve()}\n"


def test_data_that_git_ignores_are_read_from_the_project(
    tiny: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """But what the copy has of its own, as `dvc exp run --temp --copy-paths data/mine` gives it, comes first."""
    only_clean = {name: {"clean": tiny["vision"][name]["clean"]} for name in ("conditions", "measurements")}
    data = {"use": "folder", "path": "data/mine"}
    tiny["vision"] |= {"data": data, "methods": {"standard": None}, **only_clean}
    copy = tmp_path / ".dvc/tmp/exps/standalone/tmpabc"
    for folder in (tmp_path, copy):
        (folder / ".git").mkdir(parents=True)
        YAML().dump(tiny, folder / "params.yaml")
    found = []
    write_images(tmp_path / "data/mine", seed=0)
    for folder in (tmp_path, copy):
        monkeypatch.chdir(folder)
        (study,) = params.read().tasks
        found.append(prepared(described(study), Store("store"))["splits"]["train"]["digest"])
        assert Path.cwd() == folder
    assert found[0] == found[1]
    write_images(copy / "data/mine", seed=1)
    (study,) = params.read().tasks
    assert prepared(described(study), Store("store"))["splits"]["train"]["digest"] != found[0]


def write_images(folder: Path, seed: int) -> None:
    generator = np.random.default_rng(seed)
    for kind in ("cat", "dog"):
        (folder / kind).mkdir(parents=True)
        for index in range(30):
            Image.fromarray(generator.integers(0, 256, (8, 8, 3), np.uint8)).save(folder / kind / f"{index}.png")
