"""The stages end to end on a tiny study, with real Ray and MLflow: resumes, failures, faults."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from ruamel.yaml import YAML

from stages.cli import run_stage
from stages.store.store import Store
from tests.stages.conftest import ROOT, STAGES, fresh_copy, run_all, stage

pytestmark = pytest.mark.timeout(900)

Write = Callable[[Mapping[str, Any]], Path]


def here() -> None:
    """Run all stages in this process, whose Ray and imports are kept from stage to stage."""
    for name in STAGES:
        assert run_stage(name) == 0, name


def store_files(folder: Path) -> dict[str, int]:
    return {
        path.as_posix(): path.stat().st_mtime_ns for path in sorted((folder / "store").rglob("*")) if path.is_file()
    }


@pytest.mark.slow
def test_runs_have_checkpoints_and_siblings(study: Write, tiny: dict[str, Any]) -> None:
    """The end of a run is the same with and without them; at its last step a checkpoint would be the run itself."""
    vision = tiny["vision"]
    vision["training"] = {"epochs": 4, "batch_size": 30}
    vision["methods"] = {"standard": None, "noise": {"sigma": 0.1}}
    study(tiny)
    here()
    plain = pl.read_parquet("results.parquet")
    vision["evaluate_at"] = {"steps": [1, 6], "conditions": ["clean"]}
    vision["agreement"] = {"unshifted": "clean", "shifted": ["corruptions"]}
    vision["conditions"] |= {"few": {"use": "few_examples", "share": 0.5}, "reference": None}
    vision["measurements"] |= {"few": {"accuracy": "capability"}}
    vision["measurements"]["clean"]["scaled"] = {"use": "negative_log_likelihood", "is": "capability", "scaled": True}
    study(tiny)
    here()
    results, runs = pl.read_parquet("results.parquet"), pl.read_parquet("runs.parquet")
    new = ("few/accuracy", "clean/scaled")
    assert results.filter(pl.col("step") == 16, ~pl.col("measurement").is_in(new)).equals(plain)
    assert runs["role"].value_counts().sort("role").rows() == [("checkpoint", 12), ("run", 12), ("sibling", 12)]
    on_the_way = results.filter(pl.col("step") < 16)
    assert set(on_the_way["step"]) == {1, 6}
    assert set(on_the_way["method"]) == {"standard"}
    assert set(on_the_way["measurement"]) == {"clean/accuracy", "clean/brier_score", "clean/scaled"}
    flops = runs.filter(method="standard", model="resnet-4", seed=0).select("run", "flops")
    by_run = dict(flops.iter_rows())
    assert by_run["vision/standard/resnet-4/0@6"] == pytest.approx(by_run["vision/standard/resnet-4/0"] * 6 / 16)
    assert by_run["vision/standard/resnet-4/0@few"] == pytest.approx(by_run["vision/standard/resnet-4/0"] / 2)
    agreement = pl.read_parquet("agreement.parquet")
    assert len(agreement) == 2 * 2 * 15  # methods x conditions x pairs of six runs
    compared = agreement.filter(condition="clean", first="vision/noise/resnet-4/0").row(0, named=True)
    own = results.filter(measurement="clean/accuracy", part="all", method="noise", model="resnet-4", seed=0, step=16)
    assert compared["first_accuracy"] == own["value"][0]
    replicates = pl.read_parquet("replicates.parquet")
    assert len(replicates) == 12 * 8
    value = results.filter(measurement="corruptions/accuracy", part="all", method="noise", model="vit-12", seed=1)
    draws = replicates.filter(measurement="corruptions/accuracy", method="noise", model="vit-12", seed=1)
    spread = np.std(draws["deviations"][0].to_numpy())
    assert spread == pytest.approx(value["standard_error"][0], rel=0.25)


def test_a_study_runs_grows_and_heals(study: Write, tiny: dict[str, Any]) -> None:
    """One study through its life: made, made again, grown by a seed and a metric, damaged and mended."""
    folder = study(tiny)
    here()
    results = pl.read_parquet("results.parquet")
    runs = pl.read_parquet("runs.parquet")
    assert runs["status"].to_list() == ["finished"] * 18
    assert (runs["flops"] > 0).all()
    measured = results.filter(pl.col("part") == "all")
    assert len(measured) == 18 * 6
    assert measured["standard_error"].null_count() == 0
    assert results.filter(pl.col("condition") == "corruptions")["part"].unique().sort().to_list() == [
        "all", *(f"contrast {severity}" for severity in range(1, 6))
    ]  # fmt: skip
    whole = results.filter(pl.col("measurement") == "corruptions/accuracy")
    means = (
        whole.filter(pl.col("part") != "all")
        .group_by("method", "model", "seed")
        .agg(pl.col("value").mean().alias("mean"))
    )
    joined = whole.filter(pl.col("part") == "all").join(means, on=["method", "model", "seed"])
    assert (joined["value"] - joined["mean"]).abs().max() < 1e-12  # type: ignore[operator]

    before, bytes_before = store_files(folder), Path("results.parquet").read_bytes()
    here()
    assert store_files(folder) == before
    assert Path("results.parquet").read_bytes() == bytes_before

    tiny["vision"]["seeds"] = [0, 1, 2]
    tiny["vision"]["measurements"]["clean"]["negative_log_likelihood"] = "capability"
    study(tiny)
    here()
    grown = pl.read_parquet("results.parquet")
    assert len(grown.filter(pl.col("part") == "all")) == 27 * 7
    same = grown.filter(pl.col("seed") < 2, pl.col("metric") != "negative_log_likelihood")
    assert same.equals(results)
    after = store_files(folder)
    assert all(after[path] == stamp for path, stamp in before.items())

    store = Store("store")
    run, cell = pl.read_parquet("runs.parquet")["run_key"][0], pl.read_parquet("outcomes.parquet")["cell_key"][3]
    weights = Path(f"store/runs/{run[:2]}/{run}.safetensors")
    weights.write_bytes(weights.read_bytes()[:-1])
    Path(f"store/cells/{cell[:2]}/{cell}.record").write_text("{")
    here()
    assert store.done("runs", run)
    assert store.done("cells", cell)
    assert pl.read_parquet("results.parquet").equals(grown)


FAULTY = '''"""Standard training but for some seeds, which come to grief."""

import os
import signal

from torch import Tensor
from torch.nn.functional import cross_entropy

from pipelines.supervised.method import Method, Step


def method(*, how: str) -> Method:
    """how: of the grief."""

    def loss(step: Step) -> Tensor:
        if how == "raise":
            raise RuntimeError("the method is broken")
        if how == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        return cross_entropy(step.model(step.inputs), step.labels) * float("nan")

    return Method(loss)
'''


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A copy of the project's packages, to be edited."""
    folder = tmp_path / "project"
    for package in ("pipelines", "stages", "analysis", "cluster"):
        shutil.copytree(ROOT / package, folder / package, ignore=shutil.ignore_patterns("__pycache__"))
    return folder


def in_project(folder: Path, name: str) -> subprocess.CompletedProcess[str]:
    return stage(folder, name, PYTHONPATH=str(folder))


@pytest.mark.slow
def test_what_fails_is_listed_with_its_reason_and_the_rest_finishes(project: Path, tiny: dict[str, Any]) -> None:
    (project / "pipelines/vision/methods/faulty.py").write_text(FAULTY)
    tiny["vision"]["models"] = {"resnet": {"widths": [4]}}
    tiny["vision"]["seeds"] = [0]
    tiny["vision"]["methods"] = {
        "standard": None,
        **{how: {"use": "faulty", "how": how} for how in ("raise", "kill", "nan")},
    }
    YAML().dump(tiny, project / "params.yaml")
    for name in (*STAGES, "analyse", "report"):
        done = in_project(project, name)
        assert done.returncode == 0, done.stderr
    runs = pl.read_parquet(project / "runs.parquet")
    assert dict(runs.select("method", "status").iter_rows()) == {
        "standard": "finished", "raise": "failed", "kill": "failed", "nan": "failed"
    }  # fmt: skip
    reasons = dict(runs.select("method", "reason").iter_rows())
    assert reasons["raise"] == "RuntimeError: the method is broken"
    assert reasons["kill"].startswith("WorkerCrashedError: ")
    assert reasons["nan"] == "Diverged: the loss is nan at step 4 of 4"
    page = (project / "report/index.html").read_text()
    assert "the method is broken" in page
    assert "Diverged: the loss is nan at step 4 of 4" in page
    assert json.loads((project / "retry.json").read_text()) != {}


MOODY = """
from pathlib import Path

accuracy = metric

def metric():
    def moody(outcomes):
        if Path("MOOD").is_dir():
            raise ArithmeticError("out of luck")
        return accuracy()(outcomes)
    return moody
"""


@pytest.mark.slow
def test_a_metric_that_fails_costs_its_own_value_is_listed_and_is_tried_again(
    project: Path, tiny: dict[str, Any]
) -> None:
    metric = (project / "pipelines/metrics/accuracy.py").read_text()
    (project / "pipelines/metrics/moody.py").write_text(metric + MOODY.replace("MOOD", str(project / "mood")))
    (project / "mood").mkdir()
    tiny["vision"] |= {"models": {"resnet": {"widths": [4]}}, "methods": {"standard": None, "placebo": None}}
    tiny["vision"]["measurements"]["spurious"]["moody"] = "robustness"
    YAML().dump(tiny, project / "params.yaml")
    for name in (*STAGES, "analyse", "report"):
        done = in_project(project, name)
        assert done.returncode == 0, done.stderr
    assert json.loads((project / "audit.json").read_text())["failed"] == {"train": 0, "predict": 0, "measure": 4}
    assert "ArithmeticError: spurious/moody: out of luck" in (project / "report/index.html").read_text()
    listed = json.loads((project / "failures/measure.json").read_text())
    assert len({about.pop("tried") for about in listed.values()}) == 1
    assert listed == {
        f"vision/{method}/resnet-4/{seed} under spurious": {
            "attempts": 1, "reason": "ArithmeticError: spurious/moody: out of luck"
        }
        for method in ("standard", "placebo") for seed in (0, 1)
    }  # fmt: skip
    results = pl.read_parquet(project / "results.parquet")
    assert results.filter(condition="spurious", part="all")["metric"].unique().to_list() == ["worst_group_accuracy"]
    unmeasured = [json.loads(text) for text in pl.read_parquet(project / "logged.parquet")["unmeasured"]]
    assert unmeasured == [{"spurious/moody": "ArithmeticError: spurious/moody: out of luck"}] * 4
    before = results.filter(pl.col("metric") != "moody")

    (project / "mood").rmdir()
    for name in ("measure", "collect"):
        assert in_project(project, name).returncode == 0
    assert json.loads((project / "failures/measure.json").read_text()) == {}
    results = pl.read_parquet(project / "results.parquet")
    assert results.filter(metric="moody", part="all").height == 4
    assert results.filter(pl.col("metric") != "moody").equals(before)


@pytest.mark.slow
def test_code_edited_while_a_stage_runs_is_refused(project: Path, tiny: dict[str, Any]) -> None:
    YAML().dump(tiny, project / "params.yaml")
    for name in ("plan", "prepare"):
        assert in_project(project, name).returncode == 0
    variables = {**os.environ, "PYTHONPATH": str(project)}
    command = [sys.executable, "-m", "stages", "train"]
    with subprocess.Popen(command, cwd=project, env=variables, stderr=subprocess.PIPE, text=True) as training:
        wait_for_runs(project, 2)
        with (project / "pipelines/vision/methods/noise.py").open("a") as file:
            file.write("\nEDITED = True\n")
        assert training.wait(timeout=300) == 2
        assert training.stderr is not None
        assert "pipelines/ was edited while the stage ran" in training.stderr.read()
    assert not (project / "runs.parquet").exists()


@pytest.mark.slow
def test_code_edited_between_the_stages_is_refused(project: Path, tiny: dict[str, Any]) -> None:
    """Its results would get the keys of the code before, here and in every clone that takes them from the store."""
    YAML().dump(tiny, project / "params.yaml")
    for name in ("plan", "prepare"):
        assert in_project(project, name).returncode == 0
    noise = project / "pipelines/vision/methods/noise.py"
    planned = noise.read_text()
    noise.write_text(planned + "\nEDITED = True\n")
    refused = in_project(project, "train")
    assert refused.returncode == 2
    assert refused.stderr.splitlines()[-1] == (
        "pipelines/ was edited after the study was planned: the code of vision/noise/vit-12/1 and 1 more is not the "
        "code in its key; run `dvc repro` again, or `dvc repro --force plan` first where it finds that plan didn't "
        "change"
    )
    assert not (project / "store/runs").exists()
    noise.write_text(planned)
    assert in_project(project, "train").returncode == 0
    predict = project / "pipelines/supervised/running.py"
    edited = predict.read_text().replace("return chosen.outcomes(", "return -1 * chosen.outcomes(")
    assert edited != predict.read_text()
    predict.write_text(edited)
    assert in_project(project, "predict").returncode == 2


def wait_for_runs(folder: Path, count: int) -> None:
    deadline = time.monotonic() + 240
    while len(list((folder / "store/runs").rglob("*.record"))) < count:
        assert time.monotonic() < deadline, "no run was finished"
        time.sleep(0.05)


@pytest.mark.slow
def test_the_same_bytes_after_a_kill_with_one_worker_and_in_another_order(
    study: Write, tiny: dict[str, Any], tmp_path_factory: pytest.TempPathFactory
) -> None:
    """The driver is killed in the middle of training and of logging; another study has one worker; a third gets its
    runs in reverse. None may differ from the undisturbed one, nor make anything twice."""
    undisturbed = study(tiny)
    run_all(undisturbed)
    expected = (undisturbed / "results.parquet").read_bytes()

    killed = fresh_copy(undisturbed, tmp_path_factory.mktemp("a") / "killed")
    for name in ("plan", "prepare"):
        assert stage(killed, name).returncode == 0
    kill_when(killed, "train", lambda: wait_for_runs(killed, 3))
    finished = {path: path.stat().st_mtime_ns for path in (killed / "store/runs").rglob("*.record")}
    assert 3 <= len(finished) < 18
    run_all(killed, ("train", "predict"))
    assert all(path.stat().st_mtime_ns == stamp for path, stamp in finished.items())
    kill_when(killed, "measure", lambda: wait_for_logged(killed, 4))
    run_all(killed, ("measure", "collect"))
    assert (killed / "results.parquet").read_bytes() == expected
    assert logged_runs(killed) == 18

    tiny["compute"] = {"workers": 1}
    alone = study(tiny)
    for path in alone.glob("*"):
        if path.name != "params.yaml":
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    run_all(alone)
    assert (alone / "results.parquet").read_bytes() == expected

    reverse = fresh_copy(undisturbed, tmp_path_factory.mktemp("b") / "reverse")
    code = (
        "import sys\n"
        "from stages.cli import run_stage\n"
        "from stages.making import sweep\n"
        "def backwards(function, items, forward=sweep.fanout, **rest):\n"
        "    return forward(function, list(items)[::-1], **rest)\n"
        "sweep.fanout = backwards\n"
        "for name in sys.argv[1:]: assert run_stage(name) == 0\n"
    )
    variables = {**os.environ, "PYTHONPATH": str(ROOT)}
    subprocess.run([sys.executable, "-c", code, *STAGES], cwd=reverse, env=variables, check=True)
    assert (reverse / "results.parquet").read_bytes() == expected


def kill_when(folder: Path, name: str, ready: Callable[[], None]) -> None:
    variables = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen([sys.executable, "-m", "stages", name], cwd=folder, env=variables) as driver:
        ready()
        driver.send_signal(signal.SIGKILL)


def wait_for_logged(folder: Path, count: int) -> None:
    deadline = time.monotonic() + 240
    while logged_runs(folder) < count:
        assert time.monotonic() < deadline, "no run was logged"
        time.sleep(0.05)


def logged_runs(folder: Path) -> int:
    """Child runs in MLflow's database that have all their values; those deleted not."""
    import sqlite3

    query = (
        "select count(*) from runs join tags using (run_uuid) where tags.key = 'values' and lifecycle_stage = 'active'"
    )
    try:
        with sqlite3.connect(f"file:{folder / 'mlflow.db'}?mode=ro", uri=True) as database:
            return int(database.execute(query).fetchone()[0])
    except sqlite3.OperationalError:
        return 0
