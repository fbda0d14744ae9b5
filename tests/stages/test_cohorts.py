"""Runs that are trained at once, and their models, which are looked at together: which they are, what is in their keys,
and that each has its own fate.
"""

import copy
import json
import shutil
import time
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import polars as pl
import pytest
import torch
from ruamel.yaml import YAML

from cluster import resources
from cluster.fanout import Failed, Finished
from pipelines.supervised.several import Stacked
from stages import artifacts, domains
from stages.cli import run_stage
from stages.cohorts import place_of, shared_spec
from stages.making import models
from stages.making.models import keep, split_of, trained, with_fate
from stages.making.outcomes import examples_of, looked_at_together, predicted
from stages.needed import cohorts, planned_cells, planned_runs, trainings
from stages.records import Cell, Run, Training
from stages.store import codecs
from stages.store.store import Store
from stages.study import params
from stages.study.checks import WrongParams
from stages.study.cohorts import differing_of
from tests.stages.conftest import TINY

OF_EACH = ("", "@few_examples")  # a run and its second model


def study() -> dict[str, Any]:
    """Five runs of standard training, two of them trained at once and two others, and five of sam, which can't be;
    and a second model of each.
    """
    tiny = copy.deepcopy(TINY)
    tiny["vision"] |= {
        "models": {"resnet": {"widths": [4]}},
        "cohort": 2,
        "seeds": [0, 1, 2, 3, 4],
        "methods": {"standard": None, "sam": None},
        "evaluate_at": {"steps": [2], "conditions": ["clean"]},
    }
    tiny["vision"]["conditions"] |= {"pgd": {"images": 20, "steps": 2}, "attributions": {"images": 2}}
    tiny["vision"]["conditions"]["few_examples"] = {"share": 0.5}
    tiny.pop("audit", None)
    return tiny


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of that study, with its data in the store."""
    made = tmp_path_factory.mktemp("planned")
    YAML().dump(study(), made / "params.yaml")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(made)
        patch.delenv("DIFFPROG_STORE", raising=False)
        assert [run_stage(name) for name in ("plan", "prepare")] == [0, 0]
    return made


@pytest.fixture
def sweep(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Run]:
    """The planned runs of that study, in a copy of its folder."""
    for name in ("DIFFPROG_STORE", "MLFLOW_TRACKING_URI"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(shutil.copytree(folder, tmp_path / "study"))
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
    assert "2 runs of a model are trained at once; one at a time, some or all runs of standard, sam\n" in said
    assert names(cohorts(trainings(sweep))) == [
        *([f"vision/sam/resnet-4/{seed}{of}"] for seed in range(5) for of in OF_EACH),
        *([f"vision/standard/resnet-4/{seed}{of}" for seed in s] for s in ((0, 1), (2, 3), (4,)) for of in OF_EACH),
    ]
    of = {run.run: json.loads(run.spec).get("cohort") for run in sweep}
    assert [of[f"vision/standard/resnet-4/3{which}"] for which in (*OF_EACH, "@2")] == [
        {"seeds": [2, 3], "options": {}}
    ] * 3
    assert of["vision/standard/resnet-4/4"] is of["vision/sam/resnet-4/0"] is None


STRENGTHS: dict[str, dict[str, Any]] = {"noise": {"sigma": 0.1}, "strong_noise": {"use": "noise", "sigma": 0.4}}


@pytest.fixture
def strengths(sweep: list[Run]) -> list[Run]:
    """Three runs of each of two strengths of noise, four at once, and of two strengths of smoothing, which are trained
    at once if they are of one strength.
    """
    made = study()
    made["vision"] |= {"cohort": 4, "seeds": [0, 1, 2]}
    smoothing = {"smoothing": {"use": "label_smoothing", "smoothing": 0.1}}
    smoothing["strong_smoothing"] = {**smoothing["smoothing"], "smoothing": 0.3}
    made["vision"]["methods"] = {"standard": None, **STRENGTHS, **smoothing}
    made["vision"]["conditions"].pop("few_examples")
    YAML().dump(made, Path("params.yaml"))
    assert [run_stage(name) for name in ("plan", "prepare")] == [0, 0]
    return [run for run in planned() if run.at_step is None]


def test_methods_that_differ_in_numbers_of_their_loss_are_trained_at_once(strengths: list[Run]) -> None:
    assert names(cohorts(trainings(strengths))) == [
        [f"vision/noise/resnet-4/{seed}" for seed in range(3)] + ["vision/strong_noise/resnet-4/0"],
        *([f"vision/{name}/resnet-4/{seed}" for seed in range(3)] for name in ("smoothing", "standard")),
        [f"vision/strong_noise/resnet-4/{seed}" for seed in (1, 2)],
        [f"vision/strong_smoothing/resnet-4/{seed}" for seed in range(3)],
    ]
    assert len({run.key for run in strengths}) == len(strengths)


def test_one_and_one_point_nought_are_two_options() -> None:
    """As they are two keys: of methods that differ in nothing else each run has a place of its own."""
    every = [{"ratio": 1, "weight": 0.5}, {"ratio": 1.0, "weight": 0.5}]
    cohort = {"seeds": [0, 0], "options": differing_of(every)}
    assert cohort["options"] == {"ratio": [1, 1.0]}
    specs = [{"seed": 0, "method": {"use": "m", "options": options}, "cohort": cohort} for options in every]
    assert shared_spec(specs[0]) == shared_spec(specs[1])
    assert [place_of(spec) for spec in specs] == [0, 1]


def test_each_run_of_several_strengths_gets_what_was_trained_for_it(
    strengths: list[Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the order of the runs, and of one alone that is made again."""
    module = domains.cohorts("vision")
    assert module

    def told(spec: dict[str, Any], *_: Any) -> list[Any]:
        """Models whose loss is their seed, and above it a hundred times the strength of their noise."""
        cohort = spec["cohort"]
        every = zip(cohort["seeds"], cohort["options"]["sigma"], strict=True)
        return [[SimpleNamespace(weights={}, flops=0, steps=5, loss=seed + 100 * sigma)] for seed, sigma in every]

    monkeypatch.setattr(module, "train", told)
    shared = shared_of(strengths, Store.from_environment())
    item = next(item for item in cohorts(trainings(strengths)) if len({training.run.method for training in item}) == 2)
    for some in (item, item[::-1], item[1:2], item[3:]):
        for training, (_, _, facts) in zip(some, stored(some, shared), strict=True):
            assert facts["run"] == training.run.run
            assert facts["loss"] == training.run.seed + 100 * STRENGTHS[training.run.method]["sigma"]


def test_models_of_several_strengths_are_looked_at_together(strengths: list[Run]) -> None:
    """In the order of the cohort; a run that is not there is named by its option."""
    store = Store.from_environment()
    rows = {run.key: {**with_fate(run, None, store), "status": "finished"} for run in strengths}
    table = pl.DataFrame([*rows.values()], schema=artifacts.RUNS.table.columns)
    cells = planned_cells(table, artifacts.PLANNED_CELLS.read(), artifacts.prepared_data())
    found = {tuple(rows[key]["run"] for key in keys) for keys in looked_at_together(cells, rows, store)}
    both = ("noise/resnet-4/0", "noise/resnet-4/1", "noise/resnet-4/2", "strong_noise/resnet-4/0")
    assert tuple(f"vision/{name}" for name in both) in found
    assert len(found) == 5
    (missing,) = [key for key, row in rows.items() if row["run"] == f"vision/{both[3]}"]
    others = {key: row for key, row in rows.items() if key != missing}
    left = [cell for cell in cells if cell.model_key != missing]
    assert len(looked_at_together(left, others, store)) == 4
    (cell, *_) = [cell for cell in left if cell.run == "vision/noise/resnet-4/0"]
    message = (store.failure("cells", cell.key) or {})["message"]
    assert message.startswith("vision/noise/resnet-4/0 sigma=0.4, of the same cohort, is not trained; ")


def test_only_runs_of_a_cohort_have_other_keys(sweep: list[Run]) -> None:
    """And the code that trains cohorts is in the keys of those alone."""
    one_by_one = study()
    del one_by_one["vision"]["cohort"]
    YAML().dump(one_by_one, Path("params.yaml"))
    assert run_stage("plan") == 0
    without = {run.run: run for run in planned()}
    for run in sweep:
        at_once = "cohort" in json.loads(run.spec)
        assert (run.key != without[run.run].key) == (run.code != without[run.run].code) == at_once
        assert ("pipelines.vision.cohorts" in domains.training_modules(json.loads(run.spec))) == at_once


def stored(item: tuple[Training, ...], shared: dict[str, Any]) -> list[models.Stored]:
    """The end of each run of a cohort."""
    return [found[-1] for found in trained(item, shared) if isinstance(found, list)]


def test_what_one_run_of_a_cohort_lost_is_made_again_alone_with_the_same_bytes(
    sweep: list[Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(models, "CURVE_EVERY", 1)
    shared = shared_of(sweep, Store.from_environment())
    both = next(item for item in cohorts(trainings(sweep)) if len(item) == 2)
    (_, other, _), (key, weights, facts) = stored(both, shared)
    (lost,) = [run for run in sweep if run.key == key]
    (alone,) = cohorts(trainings([lost]))
    ((key_again, weights_again, facts_again),) = stored(alone, shared)
    assert (key_again, weights_again, facts_again["loss"]) == (key, weights, facts["loss"])
    assert facts_again["run"] == facts["run"] == lost.run
    began = time.perf_counter()
    ((_, _, facts_again),) = stored(alone, shared)
    assert facts_again["seconds"] < (time.perf_counter() - began) / 2  # the whole cohort was trained
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
    assert failure["inherent"] is True
    assert (failure["error"], failure["message"], failure["run"]) == ("ArithmeticError", "the loss is nan", one.run.run)
    assert failure["traceback"] == "ArithmeticError: the loss is nan\n"
    assert store.done("runs", one.run.key) is None
    assert store.done("runs", other.run.key)
    assert store.failure("runs", other.run.key) is None


def test_a_cohort_whose_worker_died_fails_as_a_whole(sweep: list[Run]) -> None:
    store = Store.from_environment()
    both = next(item for item in cohorts(trainings(sweep)) if len(item) == 2)
    keep(Failed(both, "WorkerCrashedError", "it died", ""), store)
    failures = [store.failure("runs", training.run.key) or {} for training in both]
    assert [failure["error"] for failure in failures] == ["WorkerCrashedError"] * 2


Sweep = tuple[dict[str, dict[str, Any]], list[Cell], Store]  # rows of the table RUNS by key, all cells, the store


@pytest.fixture(scope="module")
def trained_folder(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of that folder with all models in the store."""
    copied = tmp_path_factory.mktemp("trained") / "study"
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(shutil.copytree(folder, copied))
        patch.delenv("DIFFPROG_STORE", raising=False)
        store, runs = Store.from_environment(), planned()
        for item in cohorts(trainings(runs)):
            keep(Finished(item, trained(item, shared_of(runs, store)), 1.0), store)
    return copied


@pytest.fixture
def finished(sweep: list[Run], trained_folder: Path) -> Sweep:
    """That study once its runs are trained, but for one that failed."""
    shutil.copytree(trained_folder / "store", "store", dirs_exist_ok=True)
    store = Store.from_environment()
    rows = [with_fate(run, store.done("runs", run.key), store) for run in sweep]
    (lost,) = [row for row in rows if row["run"] == "vision/standard/resnet-4/2"]
    lost["status"] = "failed"
    store.write_failure("runs", lost["run_key"], {"error": "Diverged", "message": "", "inherent": True})
    table = pl.DataFrame(rows, schema=artifacts.RUNS.table.columns)
    cells = planned_cells(table, artifacts.PLANNED_CELLS.read(), artifacts.prepared_data())
    return {row["run_key"]: row for row in rows}, cells, store


def looked_at(keys: tuple[str, ...], cells: list[Cell], of: Sweep, spoilt: str = "") -> dict[str, dict[str, Any]]:
    """What a worker finds of these cells of the models with these keys, the weights of one of them spoilt."""
    rows, _, store = of
    weights = {key: store.read("runs", key) for key in keys}
    if spoilt:
        nothing = {name: array * np.nan for name, array in codecs.weights_from(weights[spoilt]).items()}
        weights[spoilt] = codecs.weights_bytes(nothing)
    specs = [json.loads(rows[key]["spec"]) for key in keys]
    item = {"runs": specs, "keys": keys, "weights": [weights[key] for key in keys], "cells": cells}
    examples = {cell.examples: examples_of("vision", store.read("data", cell.examples)) for cell in cells}
    shared = {"examples": examples, "store": None, "checkout": {"commit": "c" * 40, "dirty": False}}
    return {cell.key: found for cell, found in zip(cells, predicted(item, shared), strict=True)}


def test_models_of_a_cohort_that_finished_are_looked_at_together(finished: Sweep) -> None:
    rows, cells, store = finished
    together = looked_at_together(cells, rows, store)
    assert sorted(tuple(rows[key]["run"].removeprefix("vision/") for key in keys) for keys in together) == [
        *((f"sam/resnet-4/{seed}{of}",) for seed in range(5) for of in OF_EACH),
        ("standard/resnet-4/0", "standard/resnet-4/1"),
        ("standard/resnet-4/0@2", "standard/resnet-4/1@2"),
        ("standard/resnet-4/0@few_examples", "standard/resnet-4/1@few_examples"),
        ("standard/resnet-4/2@2", "standard/resnet-4/3@2"),
        ("standard/resnet-4/2@few_examples", "standard/resnet-4/3@few_examples"),
        ("standard/resnet-4/3",),
        ("standard/resnet-4/4",),
        ("standard/resnet-4/4@2",),
        ("standard/resnet-4/4@few_examples",),
    ]
    assert sorted(cell.key for some in together.values() for cell in some) == sorted(cell.key for cell in cells)
    (of_one,) = looked_at_together(cells[:1], rows, store)
    assert of_one in together


def test_cells_of_a_cohort_wait_for_a_run_that_may_yet_finish(finished: Sweep) -> None:
    """They would be others without it. One that was tried again, and finished, is looked at with the others."""
    rows, cells, store = finished
    lost, other = (next(row for row in rows.values() if row["run"] == f"vision/standard/resnet-4/{n}") for n in (2, 3))
    store.write_failure("runs", lost["run_key"], {"error": "WorkerCrashedError", "message": "it died"})
    theirs = [cell for cell in cells if cell.model_key == other["run_key"]]
    assert looked_at_together(theirs, rows, store) == {}
    for cell in theirs:
        failure = store.failure("cells", cell.key) or {}
        assert (failure["error"], failure["run"]) == ("NotWhole", other["run"])
        assert failure["message"].startswith("vision/standard/resnet-4/2, of the same cohort, is not trained; ")
    lost["status"] = "finished"
    ((keys, found),) = looked_at_together(theirs, rows, store).items()
    assert keys == (lost["run_key"], other["run_key"])
    assert found == theirs


def test_cells_of_a_cohort_wait_for_a_run_that_is_not_there(finished: Sweep) -> None:
    rows, cells, store = finished
    (other,) = (row for row in rows.values() if row["run"] == "vision/standard/resnet-4/3")
    theirs = [cell for cell in cells if cell.model_key == other["run_key"]]
    assert looked_at_together(theirs, {other["run_key"]: other}, store) == {}
    message = (store.failure("cells", theirs[0].key) or {})["message"]
    assert message.startswith("vision/standard/resnet-4/2, of the same cohort, is not trained; ")


def both_and_theirs(of: Sweep) -> tuple[tuple[str, ...], list[Cell]]:
    rows, cells, store = of
    together = looked_at_together(cells, rows, store)
    return next((keys, theirs) for keys, theirs in together.items() if len(keys) == 2 and len(theirs) > 2)


def test_a_cell_of_a_cohort_that_is_lost_is_made_again_with_the_same_bytes(finished: Sweep) -> None:
    """And is what its model gives alone, up to the last bits, but where a condition draws for all."""
    keys, cells = both_and_theirs(finished)
    found = looked_at(keys, cells, finished)
    assert {cell.condition for cell in cells} == {"clean", "corruptions", "near", "spurious", "pgd", "attributions"}
    for cell in cells:
        again = looked_at(keys, [cell], finished)
        assert again[cell.key]["outcomes"] == found[cell.key]["outcomes"]
        alone = looked_at((cell.model_key,), [cell], finished)
        one, other = (codecs.outcomes_from(each[cell.key]["outcomes"]) for each in (found, alone))
        if cell.condition != "pgd":
            np.testing.assert_allclose(one.logits, other.logits, atol=1e-4)
        if cell.condition == "attributions":  # looked at one by one
            assert found[cell.key]["outcomes"] == alone[cell.key]["outcomes"]


def test_a_model_that_can_not_be_attacked_leaves_the_other_its_outcomes(finished: Sweep) -> None:
    keys, cells = both_and_theirs(finished)
    attacked = [cell for cell in cells if cell.condition == "pgd"]
    first, second = (next(cell for cell in attacked if cell.model_key == key) for key in keys)
    found = looked_at(keys, attacked, finished, spoilt=second.model_key)
    assert found[second.key]["failure"]["error"] == "Broken"
    alone = looked_at((first.model_key,), [first], finished)
    assert found[first.key]["outcomes"] == alone[first.key]["outcomes"]


def test_a_cell_takes_its_models_share_of_the_seconds_whether_the_others_were_missing(
    finished: Sweep, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys, cells = both_and_theirs(finished)
    (cell,) = [cell for cell in cells if cell.condition == "clean" and cell.model_key == keys[0]]
    module = domains.cohorts("vision")
    assert module
    predict = module.predict

    def slow(*arguments: Any) -> Any:
        time.sleep(1)
        return predict(*arguments)

    monkeypatch.setattr(module, "predict", slow)
    assert 0.5 <= looked_at(keys, [cell], finished)[cell.key]["seconds"] < 1


def test_an_error_of_looking_at_several_is_the_failure_of_each(
    finished: Sweep, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys, cells = both_and_theirs(finished)

    def wrong(*_: Any) -> Any:
        raise TypeError("a bug in the stacking")

    monkeypatch.setattr(Stacked, "all_of", wrong)
    clean = [cell for cell in cells if cell.condition in ("clean", "attributions")]
    found = looked_at(keys, clean, finished)
    for cell in clean:
        failure = found[cell.key].get("failure", {"message": None})
        assert failure["message"] == ("a bug in the stacking" if cell.condition == "clean" else None)


@pytest.mark.parametrize("together", [True, False])
def test_what_runs_out_of_memory_on_a_share_of_a_card_is_tried_on_a_whole_one(
    together: bool, finished: Sweep, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So the worker's item fails, not the cell; on a whole card it is the cell."""
    keys, cells = both_and_theirs(finished)
    keys = keys if together else keys[:1]
    cells = [cell for cell in cells if cell.model_key in keys and cell.condition in ("clean", "attributions")]

    def full(*_: Any) -> Any:
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(domains.cohorts("vision") if together else domains.running("vision"), "predict", full)
    monkeypatch.setattr(resources, "assigned", lambda: (1.0, 0.5))
    with pytest.raises(torch.OutOfMemoryError):
        looked_at(keys, cells, finished)
    monkeypatch.setattr(resources, "assigned", lambda: (1.0, 1.0))
    found = looked_at(keys, cells, finished)
    assert all("failure" in each for each in found.values())


@pytest.mark.parametrize(
    ("task", "given", "message"),
    [
        ("vision", 0, "0 is not a whole number from 1 to 256"),
        ("vision", "all", "'all' is not a whole number from 1 to 256"),
        ("control", 2, "runs of control are trained one at a time; accepted: in tasks of language, tabular, vision"),
    ],
)
def test_what_cannot_be_a_cohort_is_one_line(tmp_path: Path, task: str, given: Any, message: str) -> None:
    section = YAML(typ="safe").load(Path(__file__).parents[2] / "params.yaml")[task]
    YAML().dump({"study": "s", task: {**section, "cohort": given}}, tmp_path / "params.yaml")
    with pytest.raises(WrongParams) as caught:
        params.read(tmp_path / "params.yaml")
    assert f"params.yaml: {task}.cohort: {message}" in caught.value.faults
