"""Runs that are trained at once: which they are, what they have in their keys, and that each has its own fate."""

import copy
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ruamel.yaml import YAML

from cluster.fanout import Failed, Finished
from stages import artifacts, domains
from stages.cli import run_stage
from stages.making import models
from stages.making.models import keep, split_of, trained
from stages.needed import cohorts, planned_runs, trainings
from stages.records import Run, Training
from stages.store import codecs
from stages.store.store import Store
from stages.study import params
from stages.study.checks import WrongParams
from tests.stages.conftest import TINY


@pytest.fixture
def study() -> dict[str, Any]:
    """Five runs of standard training, two of them trained at once and two others, and five of mixup, which can't be."""
    tiny = copy.deepcopy(TINY)
    tiny["vision"] |= {
        "models": {"resnet": {"widths": [4]}},
        "cohort": 2,
        "seeds": [0, 1, 2, 3, 4],
        "methods": {"standard": None, "mixup": None},
        "evaluate_at": {"steps": [2], "conditions": ["clean"]},
    }
    tiny.pop("audit", None)
    return tiny


@pytest.fixture
def sweep(study: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Run]:
    """The planned runs of that study, with its data in the store."""
    for name in ("DIFFPROG_STORE", "MLFLOW_TRACKING_URI"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    YAML().dump(study, Path("params.yaml"))
    assert [run_stage(name) for name in ("plan", "prepare")] == [0, 0]
    return planned()


def planned() -> list[Run]:
    return planned_runs(artifacts.PLANNED_RUNS.read(), artifacts.prepared_data())


def shared_of(runs: list[Run], store: Store) -> dict[str, Any]:
    wanted = {(run.task, name): which for run in runs for name, which in run.splits.items()}
    splits = {place: split_of("vision", store.read("data", which)) for place, which in wanted.items()}
    return {"splits": splits, "store": None, "checkout": {"commit": "c" * 40, "dirty": False}}


def names(items: list[tuple[Training, ...]]) -> list[list[str]]:
    return sorted(sorted(training.run.run for training in item) for item in items)


def test_the_plan_says_who_is_trained_with_whom(sweep: list[Run], capsys: pytest.CaptureFixture[str]) -> None:
    assert run_stage("plan") == 0
    said = capsys.readouterr().out
    assert "2 seeds of a model are trained at once; one at a time, some or all runs of standard, mixup\n" in said
    assert names(cohorts(trainings(sweep))) == [
        *([f"vision/mixup/resnet-4/{seed}"] for seed in range(5)),
        *([f"vision/standard/resnet-4/{seed}" for seed in seeds] for seeds in ((0, 1), (2, 3), (4,))),
    ]
    of = {run.run: json.loads(run.spec).get("cohort") for run in sweep}
    assert of["vision/standard/resnet-4/3"] == of["vision/standard/resnet-4/3@2"] == [2, 3]
    assert of["vision/standard/resnet-4/4"] is of["vision/mixup/resnet-4/0"] is None


def test_only_runs_of_a_cohort_have_other_keys(sweep: list[Run], study: dict[str, Any]) -> None:
    """And the code that trains cohorts is in the keys of those alone."""
    del study["vision"]["cohort"]
    YAML().dump(study, Path("params.yaml"))
    assert run_stage("plan") == 0
    without = {run.run: run for run in planned()}
    for run in sweep:
        at_once = "cohort" in json.loads(run.spec)
        assert (run.key != without[run.run].key) == (run.code != without[run.run].code) == at_once
        assert ("pipelines.vision.cohorts" in domains.training_modules(json.loads(run.spec))) == at_once


def stored(item: tuple[Training, ...], shared: dict[str, Any]) -> list[models.Stored]:
    """The end of each run of a cohort."""
    return [found[-1] for found in trained(item, shared) if isinstance(found, list)]


def test_what_one_run_of_a_cohort_lost_is_made_again_alone_with_the_same_bytes(sweep: list[Run]) -> None:
    shared = shared_of(sweep, Store.from_environment())
    both = next(item for item in cohorts(trainings(sweep)) if len(item) == 2)
    (_, other, _), (key, weights, facts) = stored(both, shared)
    (lost,) = [run for run in sweep if run.key == key]
    (alone,) = cohorts(trainings([lost]))
    ((key_again, weights_again, facts_again),) = stored(alone, shared)
    assert (key_again, weights_again, facts_again["loss"]) == (key, weights, facts["loss"])
    assert facts_again["run"] == facts["run"] == lost.run
    assert other != weights
    assert [step for step, _ in facts["curve"]] == [1, 2, 3, 4]


def test_each_run_of_a_cohort_gets_the_weights_of_its_own_seed(sweep: list[Run]) -> None:
    """Those that it has alone, up to the last bits of sums; what another seed gives is far away."""
    shared = shared_of(sweep, Store.from_environment())
    both = next(item for item in cohorts(trainings(sweep)) if len(item) == 2)
    losses = []
    for training, (_, weights, facts) in zip(both, stored(both, shared), strict=True):
        spec = json.dumps({name: value for name, value in json.loads(training.run.spec).items() if name != "cohort"})
        ((_, own, told),) = stored((replace(training, run=replace(training.run, spec=spec)),), shared)
        for name, expected in codecs.weights_from(own).items():
            np.testing.assert_allclose(codecs.weights_from(weights)[name], expected, atol=1e-4)
        assert (facts["run"], facts["loss"]) == (told["run"], pytest.approx(told["loss"], rel=1e-4))
        losses.append(told["loss"])
    assert losses[0] != pytest.approx(losses[1], rel=1e-2)


def test_a_run_of_a_cohort_that_failed_is_the_only_one(sweep: list[Run], monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store.from_environment()
    both = next(item for item in cohorts(trainings(sweep)) if len(item) == 2)
    one, other = both
    module = domains.cohorts("vision")
    assert module
    train = module.train

    def spoilt(*arguments: Any) -> list[Any]:
        return [ArithmeticError("the loss is nan"), *train(*arguments)[1:]]

    monkeypatch.setattr(module, "train", spoilt)
    keep(Finished(both, trained(both, shared_of(sweep, store)), 1.0), store)
    failure = store.failure("runs", one.run.key)
    assert failure
    assert (failure["error"], failure["message"], failure["run"]) == ("ArithmeticError", "the loss is nan", one.run.run)
    assert store.done("runs", one.run.key) is None
    assert store.done("runs", other.run.key)
    assert store.failure("runs", other.run.key) is None


def test_a_cohort_whose_worker_died_fails_as_a_whole(sweep: list[Run]) -> None:
    store = Store.from_environment()
    both = next(item for item in cohorts(trainings(sweep)) if len(item) == 2)
    keep(Failed(both, "WorkerCrashedError", "it died", ""), store)
    failures = [store.failure("runs", training.run.key) or {} for training in both]
    assert [failure["error"] for failure in failures] == ["WorkerCrashedError"] * 2


@pytest.mark.parametrize(
    ("task", "given", "message"),
    [
        ("vision", 0, "0 is not a whole number from 1 to 256"),
        ("vision", "all", "'all' is not a whole number from 1 to 256"),
        ("control", 2, "runs of control are trained one at a time; accepted: in tasks of vision"),
    ],
)
def test_what_cannot_be_a_cohort_is_one_line(tmp_path: Path, task: str, given: Any, message: str) -> None:
    section = YAML(typ="safe").load(Path(__file__).parents[2] / "params.yaml")[task]
    YAML().dump({"study": "s", task: {**section, "cohort": given}}, tmp_path / "params.yaml")
    with pytest.raises(WrongParams) as caught:
        params.read(tmp_path / "params.yaml")
    assert f"params.yaml: {task}.cohort: {message}" in caught.value.faults
