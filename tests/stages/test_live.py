"""A sweep that is running shows in MLflow what has finished and what has failed, and its curves change no weights."""

import copy
import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from cluster.fanout import Failed, Finished
from pipelines.measuring import ALL
from stages import artifacts
from stages.cli import run_stage
from stages.errors import TrackingError
from stages.live import Live
from stages.logged import Logging
from stages.making import models
from stages.making.models import CURVE_POINTS, curve_steps, keep, split_of, trained, with_fate
from stages.needed import measured_runs, planned_cells, planned_runs, trainings, values_of
from stages.records import Run, Values
from stages.store.provenance import ENVIRONMENT
from stages.store.store import Store
from stages.tracking import Tracking
from stages.tracking_connection import connected
from stages.tracking_run import Described
from tests.stages.conftest import TINY


@pytest.fixture(scope="module")
def planned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a study of six runs and two checkpoints, with its data in the store."""
    tiny = copy.deepcopy(TINY)
    tiny["vision"] |= {"models": {"resnet": {"widths": [4]}}, "evaluate_at": {"steps": [2], "conditions": ["clean"]}}
    folder = tmp_path_factory.mktemp("planned")
    YAML().dump(tiny, folder / "params.yaml")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.delenv("DIFFPROG_STORE", raising=False)
        assert [run_stage(name) for name in ("plan", "prepare")] == [0, 0]
    return folder


@pytest.fixture
def sweep(planned: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Run]:
    """The runs of that study, in a copy of its folder."""
    for name in ("DIFFPROG_STORE", "MLFLOW_TRACKING_URI"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(shutil.copytree(planned, tmp_path / "study"))
    return planned_runs(artifacts.PLANNED_RUNS.read(), artifacts.prepared_data())


def shared_of(runs: list[Run], store: Store) -> dict[str, Any]:
    """What each training gets, as `train_all` hands it to the workers."""
    wanted = {(run.task, name): which for run in runs for name, which in run.splits.items()}
    splits = {place: split_of("vision", store.read("data", which)) for place, which in wanted.items()}
    return {"splits": splits, "store": None, "checkout": {"commit": "c" * 40, "dirty": False}}


def test_the_curve_of_the_loss_changes_no_weights_and_no_loss(
    sweep: list[Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    shared = shared_of(sweep, Store.from_environment())
    training = next(each for each in trainings(sweep) if len(each.keys) == 2)
    monkeypatch.setattr(models, "CURVE_EVERY", 1)
    (with_curve,) = trained((training,), shared)
    monkeypatch.setattr(models, "CURVE_POINTS", 1)
    (without,) = trained((training,), shared)
    assert isinstance(with_curve, list)
    assert isinstance(without, list)
    assert [(key, weights) for key, weights, _ in with_curve] == [(key, weights) for key, weights, _ in without]
    (_, _, on_the_way), (_, _, end) = with_curve
    assert "curve" not in on_the_way
    assert [step for step, _ in end["curve"]] == [1, 2, 3, 4]
    assert end["curve"][-1] == (4, end["loss"])
    assert [step for step, _ in without[-1][2]["curve"]] == [2, 4]
    assert on_the_way["loss"] == dict(end["curve"])[2] == without[0][2]["loss"]


def test_points_of_a_curve_are_spread_and_as_many_as_memory_takes(sweep: list[Run]) -> None:
    small = sweep[0]
    after = {steps: curve_steps(replace(small, planned_steps=steps)) for steps in (0, 1, 4, 20, 240, 10_000)}
    assert after[0] == after[1] == after[4] == []
    assert after[20] == [5, 10, 15]
    assert after[240] == list(range(10, 240, 10))
    assert len(after[10_000]) == CURVE_POINTS - 1
    large = replace(small, planned_steps=240, parameters=models.CURVE_BYTES // 4 // 8)
    assert [len(curve_steps(large, at_once)) for at_once in (1, 2, 4, 8, 16)] == [7, 3, 1, 0, 0]


def test_what_has_ended_is_shown_while_the_rest_trains(
    sweep: list[Run], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    store, data = Store.from_environment(), artifacts.prepared_data()
    shared = shared_of(sweep, store)
    monkeypatch.setattr(models, "CURVE_EVERY", 1)
    one, other, *_ = [each for each in trainings(sweep) if len(each.keys) == 1]
    with Live(sweep, data, store) as live:
        keep(Finished((one,), trained((one,), shared), 1.0), store)
        live.ended(one)
        keep(Failed((other,), "Diverged", "the loss is nan", "Traceback"), store)
        live.ended(other)
    client = connected()
    (experiment,) = client.search_experiments(filter_string="name = 'tiny'")
    held = {run.info.run_name: run for run in client.search_runs([experiment.experiment_id])}
    assert held[one.run.run].info.status == "FINISHED"
    assert [at.step for at in client.get_metric_history(held[one.run.run].info.run_id, "loss")] == [1, 2, 3, 4]
    assert held[one.run.run].data.tags["git.commit"] == "c" * 40
    assert (held[other.run.run].info.status, held[other.run.run].data.tags["reason"]) == (
        "FAILED",
        "Diverged: the loss is nan",
    )
    (parent,) = [run for name, run in held.items() if name.startswith("plan ")]
    assert parent.info.status == "RUNNING"
    assert parent.info.start_time <= held[one.run.run].info.start_time
    client.delete_experiment(experiment.experiment_id)
    with Live(sweep, data, store) as live:
        live.ended(one)
        live.ended(other)
    (line,) = capsys.readouterr().out.splitlines()[-1:]
    assert "the experiment 'tiny' was deleted; restore it with " in line
    assert line.endswith("; no run is shown there before `measure`, which logs them all")


def test_runs_shown_live_are_those_that_measure_completes(sweep: list[Run]) -> None:
    """What train shows is the same run of MLflow when it is measured."""
    store, data = Store.from_environment(), artifacts.prepared_data()
    shared = shared_of(sweep, store)
    with Live(sweep, data, store) as live:
        for training in trainings(sweep):
            keep(Finished((training,), trained((training,), shared), 1.0), store)
            live.ended(training)
    entries = store.entries("runs", (run.key for run in sweep))
    artifacts.RUNS.write([with_fate(run, entries.get(run.key), store) for run in sweep])
    shown = {run.run_key: run.run_id for run in Tracking("tiny", live.plan).children}
    assert len(shown) == sum(run.role == "run" for run in sweep)
    assert Logging([], store).end() == len(sweep)
    logged = artifacts.LOGGED.read()
    assert {row["run_key"]: row["mlflow_run_id"] for row in logged.iter_rows(named=True)} == shown


def test_models_that_end_faster_than_they_are_logged_are_left_to_measure(
    sweep: list[Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    """However little time logging may take, the first is shown, and training waits for none."""
    store, data = Store.from_environment(), artifacts.prepared_data()
    monkeypatch.setattr("stages.live.AT_ONCE", 0)
    monkeypatch.setattr("stages.live.SHARE", 1e-6)
    with Live(sweep, data, store) as live:
        for training in trainings(sweep):
            keep(Failed((training,), "Diverged", "the loss is nan", "Traceback"), store)
            live.ended(training)
    assert len(Tracking("tiny", live.plan).children) == 1
    artifacts.RUNS.write([with_fate(run, None, store) for run in sweep])
    Logging([], store).end()
    assert len(Tracking("tiny", live.plan).children) == sum(run.role == "run" for run in sweep)


@pytest.fixture
def outcomes(sweep: list[Run]) -> tuple[dict[str, list[Values]], Store]:
    """What is to be measured of each run and checkpoint once all outcomes are there, and a store with values of it."""
    store = Store.from_environment()
    made = {"flops": 1.0, "steps": 0, "loss": 0.5, "seconds": 1.0, "ended": 1e9, ENVIRONMENT: {}}
    for run in sweep:
        store.write("runs", run.key, b"", {**made, "run": run.run, "steps": run.at_step or run.planned_steps})
    artifacts.RUNS.write([with_fate(run, store.entry("runs", run.key), store) for run in sweep])
    runs, conditions = artifacts.RUNS.read(), artifacts.PLANNED_CELLS.read()
    cells = planned_cells(runs, conditions, artifacts.prepared_data())
    fate = {"digest": "d", ENVIRONMENT: "", "status": "finished", "reason": ""}
    named = [{name: getattr(cell, name) for name in ("run", "run_key", "condition")} for cell in cells]
    artifacts.OUTCOMES.write([{**row, "cell_key": cell.key, **fate} for row, cell in zip(named, cells, strict=True)])
    found: dict[str, list[Values]] = {}
    for values in values_of(measured_runs()):
        found.setdefault(values.run, []).append(values)
        measured = {"values": {name: {ALL: [0.5, 0.1, 9]} for name in values.metrics}, "flags": [], "replicates": {}}
        facts = {"run": values.run, "condition": values.condition, ENVIRONMENT: {}}
        store.write("values", values.key, json.dumps(measured).encode(), facts)
    return found, store


def test_a_run_is_logged_beside_the_measuring_once_it_and_its_checkpoint_are_measured(
    outcomes: tuple[dict[str, list[Values]], Store],
) -> None:
    """And what is logged, in which order whatsoever, gives the same tables."""
    asked, store = outcomes
    every = [values for of_run in asked.values() for values in of_run]
    checkpoint = next(name for name in asked if "@" in name)
    with_one, _, step = checkpoint.partition("@")
    another = next(name for name in asked if name not in (checkpoint, with_one))
    logging = Logging(every, store, every)

    def shown() -> dict[str, set[int]]:
        """The steps whose values MLflow has, by run."""
        held = Tracking("tiny", logging.tracking.plan).read().values()
        return {run.tags["mlflow.runName"]: set(run.values.by_step) for run in held}

    assert shown() == {}
    logging.measured(asked[another], [])
    assert list(shown()) == [another]
    logging.measured(asked[with_one], [])
    assert list(shown()) == [another]
    failed = asked[checkpoint][0]
    store.write_failure("values", failed.key, {"error": "ValueError", "message": "", "measurements": ["clean/x"]})
    logging.measured(asked[checkpoint], [failed.key])
    assert shown()[with_one] == {int(step), 4}
    assert logging.end() == len(asked)
    assert len(shown()) == len([name for name in asked if "@" not in name])
    tables = [artifacts.LOGGED.read().to_dicts(), artifacts.REPLICATES.read().to_dicts()]
    assert [row["run"] for row in tables[0] if "clean/x" in row["unmeasured"]] == [checkpoint]
    assert Logging(every, store).end() == len(asked)
    assert [artifacts.LOGGED.read().to_dicts(), artifacts.REPLICATES.read().to_dicts()] == tables


@pytest.mark.parametrize("error", [TrackingError("MLflow at here: it is full"), OSError("no space"), RuntimeError()])
def test_what_goes_wrong_with_logging_stops_no_measuring_and_the_rest_is_logged_at_the_end(
    outcomes: tuple[dict[str, list[Values]], Store],
    error: Exception,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Where it lasts, the end raises it."""
    asked, store = outcomes
    tried = []

    def refused(_: Tracking, run: Described, __: Any) -> None:
        tried.append(run.name)
        raise error

    every = [values for of_run in asked.values() for values in of_run]
    logging = Logging(every, store, every)
    with monkeypatch.context() as away:
        away.setattr(Tracking, "log", refused)
        for of_run in asked.values():
            logging.measured(of_run, [])
        assert len(tried) == 1
        said = f"{tried[0]}: {str(error) or 'RuntimeError'}; measuring goes on, and the runs that are left are"
        assert [line for line in capsys.readouterr().out.splitlines() if line.startswith(said)]
        with pytest.raises(type(error)):
            logging.end()
        assert not artifacts.LOGGED.path.exists()
    assert logging.end() == len(asked)
