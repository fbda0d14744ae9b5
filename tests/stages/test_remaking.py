"""What a stage finds missing or damaged in the store it makes again, and comes to the same results."""

import copy
import shutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from ruamel.yaml import YAML

from stages.cli import main, run_stage
from stages.store.store import Store
from tests.stages.conftest import STAGES, TINY

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

SMALL = copy.deepcopy(TINY)
SMALL["vision"] |= {"models": {"resnet": {"widths": [4]}}, "methods": {"standard": None, "noise": {"sigma": 0.1}}}
TABLES = ("plan", "data.json", "runs.parquet", "outcomes.parquet")
AFTER = {  # the stages that DVC runs after such a change
    "metric": ("plan", "measure", "collect"),
    "seed": ("plan", "train", "predict", "measure", "collect"),
}


def grown(by: str) -> dict[str, Any]:
    """The small study with one more seed, or one more metric."""
    study = copy.deepcopy(SMALL)
    if by == "seed":
        study["vision"]["seeds"] = [0, 1, 2]
    else:
        study["vision"]["measurements"]["clean"]["negative_log_likelihood"] = "capability"
    return study


def results(study: Mapping[str, Any], stages: tuple[str, ...] = STAGES) -> bytes:
    """The bytes of results.parquet after these stages, in the current folder."""
    YAML().dump(dict(study), Path("params.yaml"))
    for name in stages:
        assert run_stage(name) == 0, name
    return Path("results.parquet").read_bytes()


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The small study, made once, to be copied."""
    folder = tmp_path_factory.mktemp("made")
    with pytest.MonkeyPatch.context() as patch:
        for name in ("DIFFPROG_STORE", "MLFLOW_TRACKING_URI", "RAY_ADDRESS"):
            patch.delenv(name, raising=False)
        patch.chdir(folder)
        results(SMALL)
        yield folder


@pytest.fixture(scope="module")
def undisturbed(made: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The results of the study that grew with nothing missing, by what was added."""
    found = {}
    for by, stages in AFTER.items():
        with pytest.MonkeyPatch.context() as patch:
            patch.chdir(shutil.copytree(made, tmp_path_factory.mktemp("grown") / by))
            found[by] = results(grown(by), stages)
    return found


def deleted(_: pytest.MonkeyPatch) -> None:
    shutil.rmtree("store")


def moved(patch: pytest.MonkeyPatch) -> None:
    patch.setenv("DIFFPROG_STORE", "elsewhere")


def flipped(_: pytest.MonkeyPatch) -> None:
    """Flip a byte of the first run's model and of its outcomes under each condition."""
    of_run = pl.read_parquet("outcomes.parquet").filter(pl.col("run") == "vision/noise/resnet-4/0")
    for kind, key, suffix in (
        ("runs", of_run["run_key"][0], "safetensors"),
        *(("cells", key, "npz") for key in of_run["cell_key"]),
    ):
        path = Path(f"store/{kind}/{key[:2]}/{key}.{suffix}")
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 1
        path.write_bytes(content)
        assert Store("store").lost(kind, [key]) == {key}


def cleared(_: pytest.MonkeyPatch) -> None:
    """Go to another study, remove what it does not need, and go back, as `git checkout` and `dvc checkout` do."""
    for name in TABLES:
        (shutil.copytree if Path(name).is_dir() else shutil.copy)(name, f"kept-{name}")
    other = copy.deepcopy(SMALL)
    other["vision"] |= {"seeds": [7], "methods": {"standard": None}}
    other["vision"]["data"]["test"] = 40
    results(other)
    assert main(["gc", "--yes"]) == 0
    shutil.rmtree("plan")
    for name in TABLES:
        shutil.move(f"kept-{name}", name)


@pytest.mark.parametrize("by", AFTER)
@pytest.mark.parametrize("disturb", [deleted, moved, flipped, cleared])
def test_a_study_that_grows_makes_again_what_the_store_lost(
    disturb: Callable[[pytest.MonkeyPatch], None],
    by: str,
    made: Path,
    undisturbed: dict[str, bytes],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(shutil.copytree(made, tmp_path / "study"))
    disturb(monkeypatch)
    capsys.readouterr()
    assert results(grown(by), AFTER[by]) == undisturbed[by]
    said = capsys.readouterr().out
    assert ("models missing or damaged, trained again: " in said) == (by == "metric")
