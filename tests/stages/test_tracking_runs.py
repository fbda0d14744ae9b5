"""What MLflow's pages show of a run, on a real SQLite file: few columns, curves, times, data, failures; and kills."""

import json
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from mlflow import MlflowClient

from stages.errors import TrackingError
from stages.tracking import Tracking
from stages.tracking_address import address
from stages.tracking_run import Data, Described, Logged
from stages.tracking_values import COLUMNS, LOSS, TABLE, Values, unpacked
from tests.stages._tracked import log

PARTS = {f"corruptions/accuracy/kind {number // 5}/{number % 5}": number / 340 for number in range(340)}
AT_10 = {"clean/accuracy": 0.25, "standard_error/clean/accuracy": 0.125, "n/clean/accuracy": 12.0}
AT_20 = {**AT_10, "clean/accuracy": 0.5, "corruptions/accuracy": 0.375, "n/corruptions/accuracy": 340.0, **PARTS}
MEASURED = Values({10: AT_10, 20: AT_20}, {20: {"train": ["{}"]}})
RUN = Described(
    "k1",
    "vision/standard/cnn-1/0",
    {"method": "standard", "training.epochs": 3},
    {"git.commit": "c" * 40, "threads": "2"},
    seconds=8.0,
    ended=1_700_000_100.0,
    curve=((10, 2.0), (20, 1.0)),
    data=(Data("vision/train", "a" * 64, 100, "training"), Data("vision/clean", "b" * 64, 40, "evaluation")),
)


@pytest.fixture(autouse=True)
def fresh(empty_database: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copy(empty_database, tmp_path)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path / 'mlflow.db'}")


@pytest.fixture
def plan() -> Tracking:
    return Tracking("study", "p1")


def test_a_runs_columns_are_its_whole_values_with_their_errors_and_the_loss(plan: Tracking) -> None:
    run = plan.log(RUN, MEASURED)
    held = plan.client.get_run(run.run_id)
    assert held.data.metrics == {
        "clean/accuracy": 0.5,
        "clean/accuracy standard error": 0.125,
        "corruptions/accuracy": 0.375,
        LOSS: 1.0,
    }
    table = plan.client.load_table("1", TABLE, [run.run_id])
    assert len(table) == 1 + 2 + len(PARTS)
    (row,) = table[(table["measurement"] == "clean/accuracy") & (table["step"] == 10)].to_dict("records")
    assert (row["part"], row["value"], row["standard error"], row["n"]) == ("", 0.25, 0.125, 12)
    assert set(table["part"]) == {"", *(name.removeprefix("corruptions/accuracy/") for name in PARTS)}


def test_the_loss_and_the_values_are_curves_over_steps_at_real_times(plan: Tracking) -> None:
    run = plan.log(RUN, MEASURED)

    def curve(name: str) -> list[tuple[int, float]]:
        return [(point.step, point.value) for point in plan.client.get_metric_history(run.run_id, name)]

    assert curve(LOSS) == [(10, 2.0), (20, 1.0)]
    assert curve("clean/accuracy") == [(10, 0.25), (20, 0.5)]
    info = plan.client.get_run(run.run_id).info
    assert (info.start_time, info.end_time) == (1_700_000_092_000, 1_700_000_100_000)
    times = [point.timestamp for point in plan.client.get_metric_history(run.run_id, LOSS)]
    assert times == [1_700_000_096_000, 1_700_000_100_000]
    assert all(p.timestamp > 1_700_000_100_000 for p in plan.client.get_metric_history(run.run_id, "clean/accuracy"))


def test_a_run_names_its_data_its_making_and_its_parameters(plan: Tracking) -> None:
    held = plan.client.get_run(plan.log(RUN, MEASURED).run_id)
    assert held.inputs is not None
    found = {
        each.dataset.name: (each.dataset.digest, json.loads(str(each.dataset.profile)), each.tags[0].value)
        for each in held.inputs.dataset_inputs
    }
    assert found == {
        "vision/train": ("a" * 36, {"digest": "a" * 64, "rows": 100}, "training"),
        "vision/clean": ("b" * 36, {"digest": "b" * 64, "rows": 40}, "evaluation"),
    }
    assert held.data.params == {"method": "standard", "training.epochs": "3"}
    assert held.data.tags.items() >= RUN.tags.items()


def test_of_more_values_than_columns_the_first_are_shown_and_all_read_back(plan: Tracking) -> None:
    metrics = {f"clean/m{number:03d}": number / 7 for number in range(80)}
    run = plan.log(RUN, Values({1: metrics}))
    shown = plan.client.get_run(run.run_id).data.metrics
    assert len(shown) == COLUMNS
    assert set(shown) == {*list(metrics)[: COLUMNS - 1], LOSS}
    assert Values({1: metrics}).hidden == 80 - (COLUMNS - 1)
    assert next(iter(Tracking("study", "p1").read().values())).metrics == metrics


@pytest.mark.parametrize("cut", ["", "0", "not base 64"])
def test_values_that_are_not_whole_are_none(cut: str) -> None:
    tags = MEASURED.packed()
    assert unpacked(tags) == MEASURED
    assert unpacked({name: cut or text[:-5] for name, text in tags.items()}) == unpacked({}) == Values({})


def test_values_in_more_than_a_thousand_tags_are_read_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stages.tracking_values.TAG_LENGTH", 1)
    tags = MEASURED.packed()
    assert len(tags) > 1000
    assert unpacked(dict(sorted(tags.items()))) == MEASURED


def test_a_run_of_which_values_failed_gives_way_to_more_of_them_below_its_own_plan(plan: Tracking) -> None:
    part = Values({20: {"clean/accuracy": 0.5}}, complete=False)
    first = plan.log(RUN, part)
    assert Tracking("study", "p1").log(RUN, part).run_id == first.run_id
    assert Tracking("study", "p2").log(RUN, MEASURED).run_id != first.run_id
    assert len(Tracking("study", "p1").children) == 2
    Tracking("study", "p1").log(RUN, MEASURED)
    assert [run.values for run in Tracking("study", "p1").children] == [MEASURED]


def test_a_training_that_has_ended_is_shown_and_gets_its_values_in_place(plan: Tracking) -> None:
    waiting = plan.log(RUN)
    assert plan.client.get_run(waiting.run_id).data.metrics == {LOSS: 1.0}
    assert plan.log(RUN).run_id == Tracking("study", "p1").log(RUN).run_id == waiting.run_id
    assert plan.read() == {}
    whole = Tracking("study", "p1").log(RUN, MEASURED)
    assert whole.run_id == waiting.run_id
    assert [run.values for run in plan.read().values()] == [MEASURED]
    assert states(plan) == {"FINISHED": 1}


def test_a_failure_is_shown_with_its_reason_until_the_run_finishes(plan: Tracking) -> None:
    failed = Described("k1", "a", failure="Diverged: the loss is nan", ended=1_700_000_100.0)
    held = plan.client.get_run(plan.log(failed).run_id)
    assert (held.info.status, held.data.tags["reason"]) == ("FAILED", "Diverged: the loss is nan")
    assert "the loss is nan" in held.data.tags["mlflow.note.content"]
    assert plan.log(failed).run_id == held.info.run_id
    plan.log(Described("k1", "a", failure="TimeoutError: not finished after 20 s"))
    assert states(plan) == {"FAILED": 1}
    Tracking("study", "p1").log(RUN, MEASURED)
    assert states(plan) == {"FINISHED": 1}


def test_a_failure_below_another_plan_stays(plan: Tracking) -> None:
    plan.log(Described("k1", "a", failure="Diverged: the loss is nan"))
    Tracking("study", "p2").log(RUN, MEASURED)
    assert states(plan) == {"FAILED": 1, "FINISHED": 1}


def test_a_run_that_shares_values_takes_no_place_of_its_own(plan: Tracking) -> None:
    """Another checkout logs the same run whole while this one waits to measure it."""
    plan.log(RUN)
    other = Tracking("study", "p2").log(RUN, MEASURED)
    assert Tracking("study", "p1").log(RUN, MEASURED).run_id == other.run_id
    assert states(plan) == {"FINISHED": 1}


class Killed(BaseException):
    """As a kill: nothing catches it."""


CALLS = ("create_run", "set_terminated", "log_inputs", "log_batch", "log_artifact", "delete_run")


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("steps", ["at once", "trained, then measured", "failed, then finished"])
def test_killed_before_or_after_any_request_a_run_is_logged_once(
    steps: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    asked: dict[str, list[Callable[[Tracking], Logged]]] = {
        "at once": [lambda plan: plan.log(RUN, MEASURED)],
        "trained, then measured": [lambda plan: plan.log(RUN), lambda plan: plan.log(RUN, MEASURED)],
        "failed, then finished": [
            lambda plan: plan.log(Described("k1", "a", failure="Diverged: nan")),
            lambda plan: plan.log(RUN, MEASURED),
        ],
    }
    left = 0
    for name in CALLS:
        real = getattr(MlflowClient, name)

        def counted(self: MlflowClient, *given: Any, real: Callable[..., Any] = real, **named: Any) -> Any:
            nonlocal left
            left -= 1
            if left == 0:
                raise Killed
            found = real(self, *given, **named)
            left -= 1
            if left == 0:
                raise Killed
            return found

        monkeypatch.setattr(MlflowClient, name, counted)
    finished, kills = False, 0
    while not finished:
        kills += 1
        left = kills
        study = f"killed {kills}"
        finished = True
        for step in asked[steps]:
            try:
                step(Tracking(study, "p1"))
            except Killed:
                finished = False
        left = 0
        for step in asked[steps]:
            step(Tracking(study, "p1"))
        plan = Tracking(study, "p1")
        plan.settle()
        assert states(plan) == {"FINISHED": 1}, kills
        (run,) = Tracking(study, "p1").read().values()
        assert run.values == MEASURED
        held = plan.client.get_run(run.run_id)
        assert held.inputs is not None
        assert len(held.inputs.dataset_inputs) == 2
        assert [point.step for point in plan.client.get_metric_history(run.run_id, "clean/accuracy")] == [10, 20]
        assert (held.info.start_time, held.data.params["method"]) == (1_700_000_092_000, "standard")
    assert kills > 6


def test_a_plan_runs_until_it_has_ended_with_its_report(plan: Tracking, tmp_path: Path) -> None:
    (tmp_path / "index.html").write_text("<h1>the report</h1>")
    assert plan.client.get_run(plan.parent).info.status == "RUNNING"
    for _ in range(2):
        Tracking("study", "p1").end({tmp_path / "index.html": "report"}, "Runs: 1 finished.")
    held = plan.client.get_run(plan.parent)
    assert (held.info.status, held.data.tags["mlflow.note.content"]) == ("FINISHED", "Runs: 1 finished.")
    assert [found.path for found in plan.client.list_artifacts(plan.parent, "report")] == ["report/index.html"]
    assert len(plan.client.search_runs([plan.experiment])) == 1


def test_files_that_cannot_be_kept_are_said_once_and_the_values_are_whole(
    plan: Tracking, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "mlruns").write_text("in the way")
    for key in ("k1", "k2"):
        log(plan, key, key, {}, {"clean/accuracy": 0.5}, 1)
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith(f"MLflow at {address()}: files can't be kept with its runs: ")
    assert line.endswith("; all values are in its database")
    assert len(Tracking("study", "p1").read()) == 2


def test_a_table_that_finds_no_temporary_folder_is_a_file_that_cannot_be_kept(
    plan: Tracking, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "no such folder"))
    log(plan, "k", "k", {}, {"clean/accuracy": 0.5}, 1)
    assert "files can't be kept with its runs: [Errno 2] No such file or directory" in capsys.readouterr().out
    assert len(Tracking("study", "p1").read()) == 1


def test_a_renamed_experiment_is_one_line_that_says_how_to_go_on(plan: Tracking) -> None:
    plan.client.rename_experiment(plan.experiment, "my glyphs")
    with pytest.raises(TrackingError) as caught:
        Tracking("study", "p1")
    assert str(caught.value) == (
        f"MLflow at {address()}: the experiment 'study' was renamed to 'my glyphs'; rename it back with `mlflow "
        f"experiments rename --experiment-id {plan.experiment} --new-name study`, or give the study another name"
    )
    assert Tracking("my glyphs", "p1").experiment == plan.experiment
    assert Tracking("study", "p1").experiment != plan.experiment


def states(plan: Tracking) -> dict[str, int]:
    """How many runs that are not deleted have each state, but for the plan's own."""
    found = [run.info.status for run in plan.client.search_runs([plan.experiment], "tags.run_key LIKE '%'")]
    return {state: found.count(state) for state in found}
