"""diffprog jumps: what lies inside a bracket is added to params.yaml, and what came of it is told."""

import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from analysis.jumps.schema import JUMPS
from analysis.jumps.table import confirmed_by_refinement
from stages import artifacts, plan, tables
from stages.cli import main
from stages.commands.jumps import ladders, size
from stages.study import params
from tests.stages.conftest import ROOT

TABLE = artifacts.by_task(JUMPS)
Write = Callable[[Mapping[str, Any]], Path]


def jump(**columns: Any) -> dict[str, Any]:
    numbers = {"change_point": 21.5, "change_low": 21.0, "change_high": 22.0, "width": 0.2, "midpoint": 21.5}
    numbers |= {"amplitude": 0.5, "amplitude_low": 0.4, "amplitude_high": 0.6}
    place = {
        "task": "vision",
        "domain": "vision",
        "dataset": "glyphs",
        "family": "resnet",
        "model": "",
        "measurement": "clean/accuracy",
    }
    row = {**dict.fromkeys(TABLE.columns), **place, **numbers, "axis": "log2_parameters", "points": 8}
    return row | {"noise": "", "label": "JUMP", "confirmed": False, "reason": "abrupt", "proposed": []} | columns


@pytest.fixture
def ladder(study: Write, tiny: dict[str, Any]) -> Path:
    tiny["vision"]["models"] = {"resnet": {"widths": [4, 16]}, "vit": {"widths": [12, 48]}}
    tiny["vision"]["evaluate_at"] = {"steps": [1]}
    folder = study(tiny)
    text = (folder / "params.yaml").read_text()
    (folder / "params.yaml").write_text("# what is trained\n" + text)
    plan.main()
    return folder


def keep(*rows: dict[str, Any]) -> None:
    tables.write(pl.DataFrame(rows, schema=TABLE.columns), TABLE, Path("findings/jumps.parquet"))


def test_a_bracket_is_filled_with_what_the_architecture_takes(ladder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (task,) = params.read().tasks
    small, large = (size(model, "log2_parameters", task) for model in ladders(task)["resnet"])
    middle = [small + share * (large - small) for share in (0.25, 0.5, 0.75)]
    keep(jump(proposed=middle))
    before = Path("params.yaml").read_text()
    assert main(["jumps"]) == 0
    shown = capsys.readouterr().out
    assert "over log2_parameters: 1 JUMP" in shown
    assert "clean/accuracy of resnet, over log2_parameters: run resnet of width 6, 8, 12" in shown
    assert Path("params.yaml").read_text() == before
    assert main(["jumps", "--refine"]) == 0
    text = Path("params.yaml").read_text()
    assert text.startswith("# what is trained\n")
    (task,) = params.read().tasks
    assert [model.name for model in ladders(task)["resnet"]] == [f"resnet-{w}" for w in (4, 16, 6, 8, 12)]
    assert [model.name for model in ladders(task)["vit"]] == ["vit-12", "vit-48"]
    assert artifacts.REFINED.read()["measurement"].to_list() == ["clean/accuracy"]
    capsys.readouterr()
    assert main(["jumps", "--refine"]) == 0
    assert "nothing to refine" in capsys.readouterr().out


def test_a_pooled_jump_is_refined_in_every_family_and_steps_where_they_are(ladder: Path) -> None:
    (task,) = params.read().tasks
    vit = [size(model, "log2_parameters", task) for model in ladders(task)["vit"]]
    on_the_way = {"axis": "step", "model": "vit-12", "family": "vit", "proposed": [1.0, 1.5]}
    keep(jump(family="pooled", proposed=[sum(vit) / 2]), jump(**on_the_way))
    assert main(["jumps", "--refine"]) == 0
    (task,) = params.read().tasks
    assert len(ladders(task)["vit"]) == 3
    assert task.checkpoints.steps == (1, 2, 3)


@pytest.mark.slow
def test_params_are_whole_where_the_disk_is_full(ladder: Path) -> None:
    """No file of the process may grow beyond 1000 bytes; plan/refined.parquet, which has more, is written first."""
    keep(jump(proposed=[18.0, 19.0]))
    params_file = Path("params.yaml")
    params_file.chmod(0o640)
    before = params_file.read_bytes()
    assert len(before) > 1000
    refine = [sys.executable, "-c", "import sys; from stages.cli import main; sys.exit(main(['jumps', '--refine']))"]
    done = subprocess.run(
        refine,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000)),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (2, "plan/refined.parquet: cannot be written: File too large\n")
    assert params_file.read_bytes() == before
    assert main(["jumps", "--refine"]) == 0
    assert len(params_file.read_bytes()) > len(before)
    assert params_file.stat().st_mode & 0o777 == 0o640
    assert not [*Path().glob(".params*"), *Path().glob("*.part")]


def test_params_are_whole_where_the_writer_is_killed(tmp_path: Path) -> None:
    """Killed at any moment of writing over and over, by turns, two texts of a megabyte."""
    file = tmp_path / "params.yaml"
    texts = ["a" * 2**20, "b" * 2**20]
    file.write_text(texts[0])
    code = (
        "import itertools, sys; from pathlib import Path; from stages.commands.jumps import replace\n"
        "print('ready', flush=True)\n"
        "for letter in itertools.cycle('ba'): replace(Path(sys.argv[1]), letter * 2**20)"
    )
    for wait in (0.0, 0.01, 0.02, 0.05):
        command = [sys.executable, "-c", code, str(file)]
        with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE) as writer:
            assert writer.stdout
            writer.stdout.readline()
            time.sleep(wait)
            writer.kill()
        assert file.read_text() in texts


def test_a_jump_that_stays_abrupt_is_confirmed_and_another_is_said_to_be_wider() -> None:
    before = pl.DataFrame([jump()], schema=JUMPS.columns)
    sharp = jump(points=11, change_low=21.4, change_high=21.6)
    wide = jump(points=11, change_low=21.0, change_high=22.0, width=1.5)
    for row, confirmed, said in ((sharp, True, "as abrupt"), (wide, False, "wider"), (jump(), False, None)):
        (found,) = confirmed_by_refinement(pl.DataFrame([row], schema=JUMPS.columns), before).to_dicts()
        assert found["confirmed"] is confirmed
        suffix = f"; {said} with runs inside its bracket" if said else ""
        assert found["reason"] == f"abrupt{suffix}"
