"""MLflow on a real SQLite file: each run once, whatever was there before."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from stages import tracking
from stages.errors import TrackingError, masked
from stages.tracking import Tracking
from stages.tracking_address import address
from stages.tracking_connection import created, experiment_tags
from stages.tracking_run import PARENT, PLAN, RUN_KEY
from tests.stages._tracked import log
from tests.stages.conftest import ROOT


@pytest.fixture(autouse=True)
def fresh(empty_database: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copy(empty_database, tmp_path)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path / 'mlflow.db'}")


def keys(plan: Tracking) -> dict[str, float]:
    return {key: run.metrics["clean/accuracy"] for (key, _), run in plan.read().items()}


def test_a_run_is_logged_once_and_read_back_exactly() -> None:
    plan = Tracking("study", "p1")
    value = 0.1 + 0.2
    first = log(plan, "k1", "standard/resnet-4/0", {"method": "standard"}, {"clean/accuracy": value}, 10, {"cpu": "x"})
    again = log(Tracking("study", "p1"), "k1", "standard/resnet-4/0", {}, {"clean/accuracy": value}, 10)
    assert again.run_id == first.run_id
    (held,) = Tracking("study", "p1").read().values()
    assert (held.metrics, held.params, held.tags["cpu"]) == ({"clean/accuracy": value}, {"method": "standard"}, "x")


def test_a_run_cut_short_is_made_anew_by_its_own_plan_alone() -> None:
    plan = Tracking("study", "p1")
    tags = {PARENT: plan.parent, RUN_KEY: "k1", PLAN: "p1"}
    half = plan.client.create_run(plan.experiment, tags=tags).info.run_id
    other = Tracking("study", "p2")
    log(other, "k1", "a", {}, {"clean/accuracy": 0.5}, 1)
    assert plan.client.get_run(half).info.lifecycle_stage == "active"
    log(Tracking("study", "p1"), "k1", "a", {}, {"clean/accuracy": 0.7}, 1)
    assert plan.client.get_run(half).info.lifecycle_stage == "deleted"


def test_plans_share_equal_runs_and_leave_each_others_alone() -> None:
    one = Tracking("study", "p1")
    first = log(one, "k1", "a", {}, {"clean/accuracy": 0.5}, 1)
    two = Tracking("study", "p2")
    assert log(two, "k1", "a", {}, {"clean/accuracy": 0.5}, 1).run_id == first.run_id
    log(two, "k1", "a", {}, {"clean/accuracy": 0.6}, 1)
    two.settle()
    held = Tracking("study", "p1").read()
    assert sorted(run.metrics["clean/accuracy"] for run in held.values()) == [0.5, 0.6]
    assert held["k1", first.values_digest].parent == one.parent


def test_an_overwritten_metric_is_not_read_and_logged_again_at_its_place() -> None:
    plan = Tracking("study", "p1")
    first = log(plan, "k1", "a", {}, {"clean/accuracy": 0.5}, 1)
    for value in (0.9, float("nan")):
        for run in Tracking("study", "p1").read().values():
            plan.client.log_metric(run.run_id, "clean/accuracy", value, step=2)
        assert Tracking("study", "p2").read() == {}
        again = log(Tracking("study", "p2"), "k1", "a", {}, {"clean/accuracy": 0.5}, 1)
        assert again.parent == first.parent
        assert keys(Tracking("study", "p1")) == {"k1": 0.5}


def test_a_deleted_experiment_is_one_line_that_says_how_to_go_on() -> None:
    plan = Tracking("gone", "p1")
    plan.client.delete_experiment(plan.experiment)
    with pytest.raises(TrackingError) as caught:
        Tracking("gone", "p1")
    assert str(caught.value) == (
        f"MLflow at {address()}: the experiment 'gone' was deleted; restore it with `mlflow experiments "
        f"restore -x {plan.experiment}`, remove it for good with `mlflow gc --experiment-ids {plan.experiment}`, or "
        "give the study another name"
    )


def test_reading_goes_on_past_the_first_page(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tracking, "PAGE", 3)
    plan = Tracking("study", "p1")
    for number in range(8):
        log(plan, f"k{number}", "a", {}, {"clean/accuracy": number / 10}, 1)
    assert len(Tracking("study", "p1").read()) == 8


def test_more_metrics_than_a_call_takes_are_all_there() -> None:
    metrics = {f"clean/m{number}": float(number) for number in range(1203)}
    log(Tracking("study", "p1"), "k1", "a", {}, metrics, 1)
    assert next(iter(Tracking("study", "p1").read().values())).metrics == metrics


def test_more_parameters_and_tags_than_a_call_takes_are_all_there() -> None:
    params = {f"p{number}": str(number) for number in range(250)}
    tags = {f"t{number}": "x" * 6000 for number in range(301)}
    log(Tracking("study", "p1"), "k1", "a", params, {"clean/accuracy": 0.5}, 1, tags)
    (held,) = Tracking("study", "p1").read().values()
    assert held.params == params
    assert {name: held.tags[name] for name in tags} == dict.fromkeys(tags, "x" * 5000)


def test_of_two_copies_of_a_run_one_is_left_of_this_plan_alone() -> None:
    """As where two processes log one plan: each has read the runs before the other wrote."""
    plans = [Tracking("study", name) for name in ("p1", "p1", "p2")]
    assert [plan.children for plan in plans] == [[], [], []]
    logged = [log(plan, "k1", "a", {}, {"clean/accuracy": 0.5}, 1) for plan in plans]
    other = log(plans[0], "k2", "b", {}, {"clean/accuracy": 0.5}, 1)
    assert len({run.run_id for run in logged}) == 3
    plans[0].settle()
    left = {run.run_id for run in Tracking("study", "p1").children}
    assert left == {min(logged[0].run_id, logged[1].run_id), logged[2].run_id, other.run_id}


def test_runs_say_their_plan_its_parameters_and_that_they_are_finished() -> None:
    plan = Tracking("study", "p1")
    run = log(plan, "k1", "standard/resnet-4/0", {}, {"clean/accuracy": -0.0}, 7)
    held = plan.client.get_run(run.run_id)
    assert (held.info.status, held.info.run_name) == ("FINISHED", "standard/resnet-4/0")
    assert (held.data.tags[PARENT], held.data.tags[PLAN]) == (plan.parent, "p1")
    assert [point.step for point in plan.client.get_metric_history(run.run_id, "clean/accuracy")] == [7]
    assert log(plan, "k1", "standard/resnet-4/0", {}, {"clean/accuracy": 0.0}, 7).run_id == run.run_id
    parent = plan.client.get_run(plan.parent)
    assert (parent.info.status, parent.data.tags[PLAN]) == ("RUNNING", "p1")
    plan.client.log_param(plan.parent, "seeds", 3)
    assert Tracking("study", "p1").plan_params() == {"seeds": "3"}
    assert Tracking("study", "p2").plan_params() == {}


def test_an_experiment_that_another_process_has_just_made_is_used() -> None:
    plan = Tracking("study", "p1")
    assert created(plan.client, "study").experiment_id == plan.experiment
    assert experiment_tags("study") is not None
    assert experiment_tags("another") is None


def test_what_mlflow_does_not_keep_is_refused_by_name() -> None:
    with pytest.raises(TrackingError, match=r"^a: x is nan, and MLflow keeps finite numbers only$"):
        log(Tracking("study", "p1"), "k1", "a", {}, {"clean/accuracy": 0.5, "x": float("nan")}, 1)


def test_two_studies_are_apart() -> None:
    log(Tracking("one", "p"), "k1", "a", {}, {"clean/accuracy": 0.5}, 1)
    assert Tracking("two", "p").read() == {}


def test_a_server_that_is_not_there_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    with pytest.raises(TrackingError, match=r"^MLflow at http://127\.0\.0\.1:9: ") as caught:
        Tracking("study", "p1")
    assert "\n" not in str(caught.value)


def test_a_password_in_the_address_goes_where_it_is_not_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("USERNAME", "PASSWORD"):
        monkeypatch.setenv(f"MLFLOW_TRACKING_{name}", "of another time")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "https://me:p%40ss@host:5000/under?x=1")
    assert address() == "https://host:5000/under?x=1" == address()
    assert os.environ["MLFLOW_TRACKING_USERNAME"] == "me"
    assert os.environ["MLFLOW_TRACKING_PASSWORD"] == "p@ss"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://you@host")
    assert address() == "http://host"
    assert (os.environ["MLFLOW_TRACKING_USERNAME"], os.environ["MLFLOW_TRACKING_PASSWORD"]) == ("you", "p@ss")


@pytest.mark.parametrize("given", ["http://host/a@b?x=1", "http://host?x=a@b", "http://me@x@host", "http://host#a@b/c"])
def test_an_address_with_an_at_sign_too_many_is_refused(given: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", given)
    with pytest.raises(TrackingError, match="more than one '@', or one after the host"):
        address()


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("at http://me:secret@host:1/x and s3://key:se@cret@bucket", "at http://***@host:1/x and s3://***@bucket"),
        ("postgresql+psycopg2://me:secret@host/db", "postgresql+psycopg2://***@host/db"),
        ("s3://bucket/a@b", "s3://bucket/a@b"),
        ("http://user:pa/ss@host", "http://***@host"),
        ("postgresql://u:p@ss/w@host/db", "postgresql://***@host/db"),
        ("postgresql://h:1/db?user=u&password=p@ss&x=1", "postgresql://h:1/db?user=u&password=***&x=1"),
        ("a@b.c and sqlite:////tmp/x", "a@b.c and sqlite:////tmp/x"),
    ],
)
def test_addresses_are_shown_without_user_and_password(text: str, shown: str) -> None:
    assert masked(text) == shown


@pytest.mark.parametrize(("given", "off"), [({}, True), ({"MLFLOW_DISABLE_TELEMETRY": "false"}, False)])
def test_mlflow_sends_nothing_of_its_use_unless_it_is_asked_to(given: dict[str, str], off: bool) -> None:
    asked = "import stages.tracking; from mlflow.telemetry import utils; print(utils.is_telemetry_disabled())"
    variables = {name: os.environ[name] for name in ("PATH", "HOME")}  # those that say it is a test send nothing anyway
    done = subprocess.run(
        [sys.executable, "-c", asked], env=variables | given, cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == str(off)
