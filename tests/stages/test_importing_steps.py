"""Checkpoints: their steps, from logs and from tables, and jumps over training of an imported study."""

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from ruamel.yaml import YAML

from stages.cli import main
from stages.imports.check import Checked, check
from stages.imports.readers import read_table
from stages.imports.spec import Spec, WrongImport
from stages.imports.training import checkpoint_of


@pytest.fixture(scope="module", autouse=True)
def one_tracking(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """One MLflow for the file: making one takes seconds."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path_factory.mktemp('mlflow') / 'mlflow.db'}")
        yield


def load(path: Path, **fields: Any) -> Checked:
    spec = Spec("spec.yaml", path, "s", **fields)
    return check(read_table(path, spec), spec)


def log(folder: Path, arguments: str, acc: float) -> None:
    folder.mkdir(parents=True)
    content = {
        "results": {"piqa": {"acc,none": acc}, "wsc": {"acc,none": 0.5 + 0.01 * len(folder.name)}},
        "config": {"model": "hf", "model_args": arguments},
    }
    (folder / "results.json").write_text(json.dumps(content))


@pytest.mark.parametrize(
    ("name", "revision", "found"),
    [
        ("org/m", "step1000", (1000, "org/m", "")),
        ("org/m", "seed3-step1000", (1000, "org/m", "seed3")),
        ("org/m", "main-step_20", (20, "org/m", "main")),
        ("org/m", "v2", (None, "org/m", "v2")),
        ("out/run/checkpoint-500", "", (500, "out/run", "")),
        ("out/run/global_step500/", "", (500, "out/run", "")),
        ("org/checkpoint", "", (None, "org/checkpoint", "")),
        ("org/steps1000", "", (None, "org/steps1000", "")),
    ],
)
def test_a_revision_or_a_folder_names_a_step(name: str, revision: str, found: tuple[int | None, str, str]) -> None:
    assert checkpoint_of(name, revision) == found


def test_the_step_of_a_log_is_known_beside_what_was_trained(tmp_path: Path) -> None:
    for step in (0, 1000, 2000):
        log(tmp_path / f"{step}", f"pretrained=org/p,revision=seed1-step{step}", 0.5 + step / 1e4)
    log(tmp_path / "other", "pretrained=org/q", 0.9)
    found = load(tmp_path, higher_is_better=("*",))
    assert found.models.select("model", "step", "training").sort("model").rows() == [
        ("org/p, revision=seed1-step0", 0, "org/p, revision=seed1"),
        ("org/p, revision=seed1-step1000", 1000, "org/p, revision=seed1"),
        ("org/p, revision=seed1-step2000", 2000, "org/p, revision=seed1"),
        ("org/q", None, "org/q"),
    ]
    assert "3 checkpoints of 1 training: a 'family' keeps those of one training together" in found.notes


def test_logs_without_steps_say_nothing_of_them(tmp_path: Path) -> None:
    log(tmp_path / "a", "pretrained=org/p", 0.5)
    assert "step" not in load(tmp_path).models.columns


def test_the_step_of_a_table_is_a_column_of_its_key(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("model,step,acc\nm,10,.5\nm,20,.6\n")
    found = load(tmp_path / "t.csv", key=("model", "step"), step="step")
    assert found.models.select("step", "training").rows() == [(10, "m"), (20, "m")]
    for key in (("model",), ("step",)):
        with pytest.raises(
            WrongImport, match=r"step: 'step' is not one of several columns of the key: key: \[model, step\]"
        ):
            load(tmp_path / "t.csv", key=key, step="step")
    (tmp_path / "t.csv").write_text("model,step,acc\nm,10.5,.5\nm,late,.6\n")
    with pytest.raises(WrongImport) as caught:
        load(tmp_path / "t.csv", key=("model", "step"), step="step")
    assert caught.value.faults == [
        "t.csv: column 'step', row 'm, late': 'late' is not a training step",
        "t.csv: column 'step', row 'm, 10.5': 10.5 is no training step: those are whole",
    ]


def test_a_planted_jump_over_training_is_found_and_a_smooth_curve_is_none(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    steps = [2**k for k in range(14)]
    noise = [0.004, -0.003, 0.001, -0.002, 0.003, -0.004, 0.002]
    rows = [
        f"m,{step},{0.3 + 0.03 * k + noise[k % 7]:.4f},{(0.2 if k < 7 else 0.8) + noise[-k % 7]:.4f}"
        for k, step in enumerate(steps)
    ]
    (tmp_path / "t.csv").write_text("\n".join(["model,step,even,sudden", *rows, "final,,.7,.8"]))
    spec: dict[str, Any] = {
        "study": "steps",
        "key": ["model", "step"],
        "step": "step",
        "capability": ["even"],
        "safety": ["sudden"],
    }
    spec |= {"family": {"*": "one"}}
    YAML().dump(spec, tmp_path / "spec.yaml")
    table = (tmp_path / "t.csv").read_text().replace("final,,", "final,none,")
    (tmp_path / "t.csv").write_text(table)
    assert main(["import", str(tmp_path / "t.csv"), "--spec", str(tmp_path / "spec.yaml")]) == 0
    assert main(["analyse", "--study", "steps", "--out", str(tmp_path / "out"), "--score", "even"]) == 0
    said = capsys.readouterr().out
    judged = pl.read_parquet(tmp_path / "out/jumps.parquet")
    assert dict(judged.select("measurement", "label").iter_rows()) == {"even": "SMOOTH", "sudden": "JUMP"}
    assert judged["points"].to_list() == [14, 14]
    assert judged["model"].to_list() == ["m", "m"]
    assert 2**6 < 2 ** judged.filter(measurement="sudden")["change_point"][0] < 2**7
    assert "  2 curves over training: 1 JUMP, 1 SMOOTH\n" in said
    assert "    sudden of m: JUMP by +0." in said
    results = pl.read_parquet(tmp_path / "out/results.parquet")
    assert results.filter(measurement="even")["step"].sort().to_list() == [0, *steps]
