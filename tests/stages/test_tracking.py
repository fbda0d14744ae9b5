"""MLflow on a real SQLite file: each run once, whatever was there before."""

import os
from pathlib import Path

import pytest
from mlflow import MlflowClient

from stages import tracking
from stages.errors import TrackingError, masked
from stages.tracking import PARENT, RUN_KEY, Tracking


@pytest.fixture(autouse=True)
def fresh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path / 'mlflow.db'}")


def keys(plan: Tracking) -> dict[str, float]:
    return {key: run.metrics["clean/accuracy"] for key, run in plan.read().items()}


def test_a_run_is_logged_once_and_read_back_exactly() -> None:
    plan = Tracking("study", "p1")
    value = 0.1 + 0.2
    first = plan.log("k1", "standard/resnet-4/0", {"method": "standard"}, {"clean/accuracy": value}, 10)
    again = Tracking("study", "p1").log("k1", "standard/resnet-4/0", {}, {"clean/accuracy": value}, 10)
    assert again.run_id == first.run_id
    held = Tracking("study", "p1").read()
    assert held["k1"].metrics == {"clean/accuracy": value}
    assert held["k1"].params == {"method": "standard"}


def test_changed_values_replace_the_run() -> None:
    plan = Tracking("study", "p1")
    plan.log("k1", "a", {}, {"clean/accuracy": 0.5, "clean/gone": 1.0}, 1)
    plan.log("k1", "a", {}, {"clean/accuracy": 0.6}, 1)
    assert keys(Tracking("study", "p1")) == {"k1": 0.6}
    assert "clean/gone" not in Tracking("study", "p1").read()["k1"].metrics


def test_a_run_cut_short_is_made_anew() -> None:
    plan = Tracking("study", "p1")
    half = plan.client.create_run(plan.experiment, tags={PARENT: plan.parent, RUN_KEY: "k1"}).info.run_id
    plan.client.log_metric(half, "clean/accuracy", 0.1)
    resumed = Tracking("study", "p1")
    whole = resumed.log("k1", "a", {}, {"clean/accuracy": 0.7}, 1)
    assert whole.run_id != half
    assert keys(resumed) == {"k1": 0.7}


def test_a_new_plan_takes_over_what_is_there() -> None:
    old = Tracking("study", "p1")
    first = old.log("k1", "a", {}, {"clean/accuracy": 0.5}, 1)
    old.log("k2", "b", {}, {"clean/accuracy": 0.6}, 1)
    new = Tracking("study", "p2")
    assert new.log("k1", "a", {}, {"clean/accuracy": 0.5}, 1).run_id == first.run_id
    assert keys(new) == {"k1": 0.5}
    assert keys(Tracking("study", "p1")) == {"k2": 0.6}


def test_reading_goes_on_past_the_first_page(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tracking, "PAGE", 3)
    plan = Tracking("study", "p1")
    for number in range(8):
        plan.log(f"k{number}", "a", {}, {"clean/accuracy": number / 10}, 1)
    assert len(Tracking("study", "p1").read()) == 8


def test_more_metrics_than_a_call_takes_are_all_there() -> None:
    metrics = {f"clean/m{number}": float(number) for number in range(1203)}
    Tracking("study", "p1").log("k1", "a", {}, metrics, 1)
    assert Tracking("study", "p1").read()["k1"].metrics == metrics


def test_a_run_that_stands_twice_is_refused() -> None:
    plan = Tracking("study", "p1")
    plan.log("k1", "a", {}, {"clean/accuracy": 0.5}, 1)
    MlflowClient(tracking.address()).create_run(plan.experiment, tags={PARENT: plan.parent, RUN_KEY: "k1"})
    with pytest.raises(TrackingError, match=r"run k1 stands twice in the study$"):
        plan.read()


def test_two_studies_are_apart() -> None:
    Tracking("one", "p").log("k1", "a", {}, {"clean/accuracy": 0.5}, 1)
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
    assert tracking.address() == "https://host:5000/under?x=1" == tracking.address()
    assert os.environ["MLFLOW_TRACKING_USERNAME"] == "me"
    assert os.environ["MLFLOW_TRACKING_PASSWORD"] == "p@ss"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("at http://me:secret@host:1/x and s3://key:se@cret@bucket", "at http://***@host:1/x and s3://***@bucket"),
        ("postgresql+psycopg2://me:secret@host/db", "postgresql+psycopg2://***@host/db"),
        ("s3://bucket/a@b", "s3://bucket/a@b"),
        ("a@b.c and sqlite:////tmp/x", "a@b.c and sqlite:////tmp/x"),
    ],
)
def test_addresses_are_shown_without_user_and_password(text: str, shown: str) -> None:
    assert masked(text) == shown
