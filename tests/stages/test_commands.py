"""diffprog plan, status, gc, sync and doctor, on plans and stores whose content is known."""

import json
import os
import re
import shutil
import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from cluster.reach import cluster_or_fault
from stages import artifacts, collect
from stages.cli import main, run_stage
from stages.commands import doctor, estimate
from stages.described import described as described_run
from stages.logged import Logging
from stages.needed import made_from, measured_runs, values_of
from stages.needed import needed as needed_of_the_plan
from stages.records import Run
from stages.stale import STALE
from stages.store.lock import locked
from stages.store.store import Store
from stages.study import params
from stages.study.expansion import described
from stages.study.model import Task
from stages.tracking import Tracking
from stages.tracking_run import INCOMPLETE
from tests.stages.conftest import TINY
from tests.stages.test_auditing import RUN_KEY, write_measured

Write = Callable[[Mapping[str, Any]], Path]
RATE = 1e9


@pytest.fixture(scope="module")
def planned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the tiny study, its plan, and a data.json as `prepare` writes it."""
    from ruamel.yaml import YAML

    folder = tmp_path_factory.mktemp("planned")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.delenv("DIFFPROG_STORE", raising=False)
        YAML().dump(TINY, Path("params.yaml"))
        assert run_stage("plan") == 0
        with_data(*params.read().tasks)
    return folder


def with_data(*tasks: Task) -> None:
    """Write a data.json as `prepare` writes it for these tasks."""
    splits = {"train": {"digest": "f" * 64}, "training_outliers": {"digest": "d" * 64}}
    data = {
        task.name: {
            "made_from": made_from(described(task), task.shape.about),
            "about": {},
            "splits": splits,
            "conditions": {part.name: {"digest": f"{number}" * 64} for number, part in enumerate(task.conditions)},
        }
        for task in tasks
    }
    Path("data.json").write_text(json.dumps(data))


@pytest.fixture
def folder(planned: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of it, to work in."""
    shutil.copytree(planned, tmp_path / "study")
    monkeypatch.chdir(tmp_path / "study")
    for name in ("DIFFPROG_STORE", "RAY_ADDRESS", "MLFLOW_TRACKING_URI"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path / "study"


def train(count: int, seconds_at: float = RATE) -> list[Run]:
    """Put the first runs into the store, trained at so many FLOPs a second; all runs."""
    runs = needed_of_the_plan().runs
    for run in runs[:count]:
        facts = {"seconds": run.planned_flops / seconds_at, "flops": run.planned_flops, "steps": 4, "loss": 1.0}
        Store("store").write("runs", run.key, b"weights", {**facts, "run": run.run})
    return runs


def test_a_plan_says_what_is_done_and_what_the_rest_takes(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    runs = needed_of_the_plan().runs
    total = sum(run.planned_flops for run in runs)

    def training() -> str:
        assert main(["plan"]) == 0
        return next(line for line in capsys.readouterr().out.splitlines() if line.startswith("train"))

    stated = f"about {total / estimate.STATED_RATE / 3600:.2g} core-hours (at 1e+10 FLOPs a second and core, stated"
    assert training() == f"train    18 runs: 0 in the store, 18 to do, {stated}: nothing was measured here)"
    train(6)
    rest = sum(run.planned_flops for run in runs[6:]) / RATE / 3600
    source = "from the seconds of 6 runs in the store, scaled by FLOPs"
    assert training() == f"train    18 runs: 6 in the store, 12 to do, about {rest:.2g} core-hours ({source})"
    Path("params.yaml").write_text(Path("params.yaml").read_text() + "compute: {cpus: 4}\n")
    assert f"about {4 * rest:.2g} core-hours" in training()
    train(18)
    assert training() == "train    18 runs: 18 in the store, 0 to do"


def test_a_plan_counts_conditions_by_task_and_with_their_cpus(
    study: Write, tiny: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    """Two tasks have a condition of the same name; of each one cell of very different cost is made."""
    tiny["other"] = {**tiny["vision"], "domain": "vision", "seeds": [2, 3]}
    tiny["compute"] = {"cpus": 2, "other": {"cpus": 4}}
    study(tiny)
    assert run_stage("plan") == 0
    with_data(*params.read().tasks)
    store = Store("store")
    cells = [cell for cell in needed_of_the_plan().cells if cell.condition == "clean"]
    of_task = {task: [cell for cell in cells if cell.task == task] for task in ("vision", "other")}
    for task, seconds in (("vision", 360.0), ("other", 36.0)):
        store.write("cells", of_task[task][0].key, b"outcomes", {"seconds": seconds})
    assert main(["plan"]) == 0
    line = next(line for line in capsys.readouterr().out.splitlines() if line.startswith("predict"))
    hours = (17 * 360 * 2 + 17 * 36 * 4) / 3600
    assert f"about {hours:.2g} core-hours for 34 of them (from the seconds of 2 cells in the store)" in line


def test_without_runs_of_its_own_a_plan_goes_by_those_of_others(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    facts = {"seconds": 2.0, "flops": 6e9, "steps": 1, "loss": 0.0, "run": "other"}
    Store("store").write("runs", "ab" * 16, b"weights", facts)
    total = sum(run.planned_flops for run in needed_of_the_plan().runs)
    assert main(["plan"]) == 0
    said = f"about {total / 3e9 / 3600:.2g} core-hours (from 1 runs of other studies, scaled by FLOPs)"
    assert said in capsys.readouterr().out


def test_a_plan_whose_data_are_not_prepared_says_so(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    train(18)
    changed = Path("params.yaml").read_text().replace("train: 120", "train: 150")
    Path("params.yaml").write_text(changed)
    assert main(["plan"]) == 0
    last = capsys.readouterr().out.splitlines()[-1]
    assert last == "18 runs and 4 conditions: what is done is known once the data are prepared (`dvc repro prepare`)"


def test_status_counts_what_is_done_what_failed_and_what_is_left(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    runs = train(6)
    store = Store("store")
    for run, error in zip(runs[6:9], ("Diverged", "TimeoutError", "Diverged"), strict=True):
        store.write_failure("runs", run.key, {"error": error, "message": "", "traceback": ""})
    store.write_failure("runs", "ab" * 16, {"error": "OfAnotherPlan"})
    cells, values = needed_of_the_plan().cells, needed_of_the_plan().values
    store.write("cells", cells[0].key, b"outcomes")
    store.write("values", values[0].key, b"a part of them")
    store.write_failure("values", values[0].key, {"error": "ArithmeticError", "measurements": ["clean/accuracy"]})
    with locked(store, "train") as progress:
        progress.begin(12, 100)
        progress.driver = replace(progress.driver, items_done=3, amount_done=20.0, seconds=30.0)
        store.put_file("lock.json", json.dumps(vars(progress.driver)).encode())
        assert main(["status"]) == 0
        lines = capsys.readouterr().out.splitlines()
    assert lines[:4] == [
        "tiny, in the store store",
        "  train    6 of 18 runs done, 9 to do, 3 failed: 2 Diverged, 1 TimeoutError",
        "  predict  1 of 72 cells done, 59 to do, 0 failed; 12 wait for what failed",
        "  measure  0 of 72 sets of values done, 59 to do, 1 failed: 1 ArithmeticError; 12 wait for what failed",
    ]
    assert lines[4].startswith(f"  at work: train on {os.uname().nodename}, process {os.getpid()}, since ")
    assert lines[4].endswith(": 3 of 12 items in 30 s, 0.1 a second, about 2 min 0 s left")
    assert main(["status", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    trained = {"planned": 18, "done": 6, "to_do": 9, "waiting": 0, "failed": {"Diverged": 2, "TimeoutError": 1}}
    assert (found["study"], found["stages"]["train"]) == ("tiny", trained)
    assert found["driver"] is None
    store.put_file("lock.json", json.dumps({**vars(progress.driver), "born": "1"}).encode())
    assert main(["status"]) == 0
    assert "is gone; `dvc repro` goes on from there" in capsys.readouterr().out


def test_status_is_not_watched_for_what_waits_for_failures(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """No driver is at work, and all that is missing hangs on a run or a cell that failed."""
    runs, store, needed = train(17), Store("store"), needed_of_the_plan()
    store.write_failure("runs", runs[17].key, {"error": "Diverged"})
    failed = next(cell.key for cell in needed.cells if cell.run_key != runs[17].key)
    store.write_failure("cells", failed, {"error": "TimeoutError"})
    wait = {failed, *(cell.key for cell in needed.cells if cell.run_key == runs[17].key)}
    for cell in needed.cells:
        if cell.key not in wait:
            store.write("cells", cell.key, b"outcomes")
    for values in needed.values:
        if values.cell_key not in wait:
            store.write("values", values.key, b"{}")
    assert main(["status", "--watch", "0.1"]) == 0
    assert capsys.readouterr().out.splitlines()[1:4] == [
        "  train    17 of 18 runs done, 0 to do, 1 failed: 1 Diverged",
        "  predict  67 of 72 cells done, 0 to do, 1 failed: 1 TimeoutError; 4 wait for what failed",
        "  measure  67 of 72 sets of values done, 0 to do, 0 failed; 5 wait for what failed",
    ]


def test_status_says_that_params_were_edited_after_the_plan(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """But not of comments, nor of what is in no key; a file that is none asks for nothing that was planned."""
    planned = Path("params.yaml").read_text()
    for text, said in (
        (f"# a study\n{planned}\ncompute: {{cpus_per_run: 2}}\n", False),
        (planned.replace("study: tiny", "study: other"), True),
        ("study: [", True),
    ):
        assert text != planned
        Path("params.yaml").write_text(text)
        assert main(["status", "--json"]) == 0
        assert json.loads(capsys.readouterr().out)["edited"] is said
        assert main(["status"]) == 0
        assert (f"  {STALE}" in capsys.readouterr().out.splitlines()) is said


def test_status_is_watched_until_all_is_done(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A driver does the last of it while the command looks."""
    train(18)
    store, needed = Store("store"), needed_of_the_plan()
    *cells, last = needed.cells
    for cell in cells:
        store.write("cells", cell.key, b"outcomes")
    for values in needed.values:
        store.write("values", values.key, b"{}")
    driver = threading.Timer(1.0, lambda: store.write("cells", last.key, b"outcomes"))
    driver.start()
    assert main(["status", "--watch", "0.3"]) == 0
    driver.join()
    looks = re.findall(r"predict  (\d+) of 72 cells done, (\d) to do", capsys.readouterr().out)
    assert looks[:2] == [("71", "1")] * 2
    assert looks[-1] == ("72", "0")


@pytest.mark.parametrize("given", ["0", "-1", "often", "nan", "inf"])
def test_a_pause_that_is_none_is_refused(given: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["status", f"--watch={given}"])
    assert f"argument --watch: '{given}' is not a number of seconds above 0" in capsys.readouterr().err


def test_status_before_there_is_a_plan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["status"]) == 2
    assert capsys.readouterr().err.startswith("plan/runs.parquet: ")


FOREIGN = ("runs/notes.txt", "runs/ab/notes.record", f"runs/cd/{'ab' * 16}.record", "elsewhere/x.npz", "data/README")


def litter(store: Store) -> set[str]:
    """An entry of each kind that no plan needs, the rest of a write that was cut short, and foreign files."""
    for kind, key in (("runs", "ab" * 16), ("cells", "ab" * 16), ("values", "cd" * 16), ("data", "e" * 64)):
        store.write(kind, key, b"0123456789")
        store.write_failure(kind, key, {"error": "E"})
    needed = needed_of_the_plan()
    path = Path(store.root, "runs", needed.runs[0].key[:2], f"{needed.runs[0].key}.record.0a1b2c3d.part")
    path.parent.mkdir(exist_ok=True, parents=True)
    path.write_bytes(b"{")
    for name in FOREIGN:
        Path(store.root, name).parent.mkdir(exist_ok=True, parents=True)
        Path(store.root, name).write_text("mine")
    return {path.as_posix() for path in Path(store.root).rglob("*") if path.is_file()}


def test_gc_removes_what_no_plan_needs_and_nothing_else(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = train(6)
    store = Store("store")
    needed = needed_of_the_plan()
    store.write("cells", needed.cells[0].key, b"outcomes")
    store.write("values", needed.values[0].key, b"{}")
    store.write("data", "f" * 64, b"split")
    store.write_failure("runs", runs[7].key, {"error": "Diverged"})
    kept = {path.as_posix() for path in Path(store.root).rglob("*") if path.is_file()}
    assert main(["gc"]) == 0
    assert capsys.readouterr().out == "store: nothing to remove\n"
    before = litter(store)
    monkeypatch.setattr("builtins.input", lambda question: "n")
    assert main(["gc"]) == 1
    assert capsys.readouterr().out.endswith("nothing was removed\n")
    assert before == {path.as_posix() for path in Path(store.root).rglob("*") if path.is_file()}
    asked: list[str] = []

    def agreed(question: str) -> str:
        asked.append(question)
        return "y"

    monkeypatch.setattr("builtins.input", agreed)
    assert main(["gc"]) == 0
    assert asked[0].startswith("remove ")
    out = capsys.readouterr().out
    assert "runs                  2 entries       3 files" in out
    assert "  4 files that are not the store's own are left alone" in out
    after = {path.as_posix() for path in Path(store.root).rglob("*") if path.is_file()}
    assert after == kept | {f"{store.root}/{name}" for name in FOREIGN}


def test_gc_keeps_what_other_studies_need(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.copytree(folder, tmp_path / "other")
    train(6)
    content = (tmp_path / "other/data.json").read_text()
    (folder / "data.json").write_text(content.replace("f" * 64, "9" * 64))
    (folder / "data.json").write_text((folder / "data.json").read_text())
    assert main(["gc", "--yes", "--keep", str(tmp_path / "other")]) == 0
    assert capsys.readouterr().out == "store: nothing to remove\n"
    assert main(["gc", "--yes"]) == 0
    assert "12 files removed" in capsys.readouterr().out
    assert main(["gc", "--yes", "--keep", str(tmp_path / "nowhere")]) == 2
    assert f"{tmp_path / 'nowhere/plan/runs.parquet'}: " in capsys.readouterr().err


def test_gc_waits_for_no_driver(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    litter(Store("store"))
    with locked(Store("store"), "train"):
        assert main(["gc", "--yes"]) == 2
    assert "another driver is at work on this store: train on " in capsys.readouterr().err
    assert Store("store").listing("runs") == {"ab" * 16}


def test_sync_waits_for_no_driver(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DIFFPROG_STORE", raising=False)
    write_measured("s")
    with locked(Store("store"), "train"):
        assert main(["sync"]) == 2
    assert "another driver is at work on this store: train on " in capsys.readouterr().err
    assert not Path("mlflow.db").exists()


def test_sync_needs_all_values_and_a_plan_has_a_run_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """First a metric fails, then it does not: what was logged without it gives way."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DIFFPROG_STORE", raising=False)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/mlflow.db")
    write_measured("s")
    store, (asked,) = Store("store"), values_of(measured_runs())
    whole = store.read("values", asked.key)
    part = json.dumps({"values": {}, "flags": [], "replicates": {}}).encode()
    store.write_failure("values", asked.key, {"error": "E", "message": "", "measurements": ["clean/accuracy"]})
    for payload in (part, part, whole):
        store.write("values", asked.key, payload, again=True)
        if payload is whole:
            store.forget_failure("values", asked.key)
        assert main(["sync"]) == 0
        (run,) = Tracking("s", "").children
        assert (INCOMPLETE in run.tags, "clean/accuracy" in run.columns) == (payload is part, payload is whole)
    shutil.rmtree("store/values")
    capsys.readouterr()
    assert main(["sync"]) == 2
    assert capsys.readouterr().err == (
        "store: 1 of 1 sets of values are not there, the first vision/standard/cnn-1/0 under clean; "
        "`dvc repro --force --single-item measure` measures them, and logs every run\n"
    )


def test_what_another_checkout_replaced_meanwhile_is_logged_at_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DIFFPROG_STORE", raising=False)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/mlflow.db")
    write_measured("s")
    asked = values_of(measured_runs())
    logging = Logging(asked, Store("store"), asked)
    row, _ = logging.runs[0]
    ours = described_run(row, logging.splits[row["run"]], logging.data, {})
    logging.tracking.log(ours)
    Tracking("s", logging.tracking.plan).log(replace(ours, ended=1.0))
    logging.measured(asked, [])
    assert logging.waits
    assert logging.end() == 1
    assert [run.whole for run in Tracking("s", "").children] == [True]


def test_where_a_run_was_made_is_what_this_checkout_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """MLflow has what the first one said that logged these values."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DIFFPROG_STORE", raising=False)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/mlflow.db")
    write_measured("s")
    for made_at in ("first", "second"):
        environment = json.dumps({"place": made_at})
        artifacts.RUNS.write(artifacts.RUNS.read().with_columns(environment=pl.lit(environment)))
        assert main(["sync"]) == 0
        collect.main()
        assert artifacts.PROVENANCE.read().filter(stage="train")["environment"].to_list() == [environment]


def test_sync_brings_back_what_the_tracking_server_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DIFFPROG_STORE", raising=False)
    write_measured("s")
    held = []
    for number in range(3):
        monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/{min(number, 1)}.db")
        assert main(["sync"]) == 0
        assert capsys.readouterr().out == "MLflow holds 1 runs, from 1 of 1 stored values\n"
        held.append({key: (run.metrics, run.params) for (key, _), run in Tracking("s", "").read().items()})
    assert held[0] == held[1] == held[2]
    assert held[0][RUN_KEY][0] == {
        "clean/accuracy": 0.75,
        "n/clean/accuracy": 8.0,
        "standard_error/clean/accuracy": 0.1,
    }


def test_a_doctor_says_what_is_well_and_what_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    monkeypatch.setenv("DIFFPROG_STORE", str(tmp_path / "store"))
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/mlflow.db")
    monkeypatch.setattr(doctor, "FREE_DISK_GIB", 0.0)
    monkeypatch.setattr(doctor, "FREE_MEMORY_GIB", 0.0)
    assert main(["doctor"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line[:3] for line in lines] == ["ok "] * 9
    assert not list((tmp_path / "store").rglob("*.json"))
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("DIFFPROG_STORE", str(tmp_path / "file/store"))
    for name in ("USERNAME", "PASSWORD"):
        monkeypatch.setenv(f"MLFLOW_TRACKING_{name}", "put back afterwards")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://me:secret@127.0.0.1:9")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    assert main(["doctor"]) == 1
    out = capsys.readouterr().out
    bad = [line for line in out.splitlines() if line.startswith("BAD")]
    assert [line.split()[1] for line in bad] == ["store", "mlflow"]
    assert "Not a directory" in bad[0]
    assert "set DIFFPROG_STORE to a folder" in bad[0]
    assert "MLflow at http://127.0.0.1:9: " in bad[1]
    assert "secret" not in out


@pytest.mark.parametrize(("torch", "vision", "well"), [("2.13.0+cpu", "0.28.0", True), ("2.13.0", "0.27.1", False)])
def test_a_doctor_knows_which_torchvision_goes_with_torch(torch: str, vision: str, well: bool) -> None:
    found, said, mend = doctor.torch({"torch": torch, "torchvision": vision}.__getitem__)
    assert (found, said) == (well, f"torch {torch} with torchvision {vision}")
    assert mend.startswith("torch 2.13 goes with torchvision 0.28: ")


def test_a_doctor_knows_what_is_too_old_or_too_little(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert doctor.python((3, 10, 2))[:2] == (False, "3.10.2")
    assert doctor.python((3, 11, 0))[0]
    assert not doctor.disk(lambda _: 2**30)[0]
    (tmp_path / "meminfo").write_text("MemTotal: 9 kB\nMemAvailable:    1048576 kB\n")
    assert doctor.memory(tmp_path / "meminfo")[:2] == (False, f"1.0 GiB available, {os.cpu_count()} CPUs")


@pytest.mark.slow
def test_a_cluster_that_is_not_there_is_said_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_ADDRESS", "127.0.0.1:9")
    found, fault = cluster_or_fault("127.0.0.1:9", seconds=20)
    assert found == ""
    assert fault is not None
    assert fault.startswith("Ray at 127.0.0.1:9")
    assert "\n" not in fault


@pytest.mark.parametrize("command", ["plan", "status", "gc", "sync", "doctor"])
def test_help_says_what_a_command_does(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main([command, "--help"])
    assert caught.value.code == 0
    assert len(capsys.readouterr().out.split()) > 25
