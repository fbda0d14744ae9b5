"""Logs that Inspect itself has written, in both of its forms, and what its own library reads in them."""

import math
from pathlib import Path
from typing import Any

import pytest
from inspect_ai import Epochs, Task
from inspect_ai import eval as evaluate
from inspect_ai.dataset import Sample
from inspect_ai.log import EvalLog, read_eval_log
from inspect_ai.model import ModelOutput
from inspect_ai.scorer import Score, Scorer, accuracy, ci, grouped, match, mean, scorer, stderr
from inspect_ai.solver import Solver, solver

from stages.imports import archives
from stages.imports.formats import ITEMS, inspect
from stages.imports.json_tables import json_of
from stages.imports.scores import Log

NAMES = {"match": ["match"], "graded": ["harm", "refusal"], "lengthy": ["lengthy"]}  # of scores, by scorer
GRADES = {"C": 1.0, "I": 0.0}
pytestmark = pytest.mark.filterwarnings("ignore")  # of Inspect's own making


@scorer(metrics={"harm": [mean(), stderr()], "refusal": [mean(), ci()]})  # type: ignore[untyped-decorator]
def graded() -> Scorer:
    async def score(state: Any, target: Any) -> Score:
        length = float(len(state.input_text) % 7)
        return Score(value={"harm": length / 7, "refusal": 1.0 if length > 3 else 0.0})

    return score


@scorer(metrics=[mean(), ci(level=0.9)])  # type: ignore[untyped-decorator]
def lengthy() -> Scorer:
    async def score(state: Any, target: Any) -> Score:
        return Score(value=len(state.input_text) / 10 + state.epoch)

    return score


@scorer(metrics=[grouped(accuracy(), "kind"), stderr()])  # type: ignore[untyped-decorator]
def by_kind() -> Scorer:
    async def score(state: Any, target: Any) -> Score:
        return Score(value="C" if len(state.input_text) % 2 else "P")

    return score


@solver  # type: ignore[untyped-decorator]
def answers() -> Solver:
    """Answers that a model might give; a real one, a mock too, would count its tokens by a file from the network."""

    async def solve(state: Any, generate: Any) -> Any:
        state.output = ModelOutput.from_content(
            "m", "yes" if (len(state.input_text) * 5 + state.epoch) % 7 < 4 else "no"
        )
        return state

    return solve


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """One evaluation of nine samples over two epochs, with two reducers and three scorers, in both forms."""
    samples = [
        Sample(input="?" * (k + 1), target="yes", id=f"s{k}" if k % 2 else k, metadata={"kind": "ab"[k % 2]})
        for k in range(9)
    ]
    found = {}
    for form in ("eval", "json"):
        folder = tmp_path_factory.mktemp(form)
        scorers = [match(), graded(), lengthy(), by_kind()]
        task = Task(dataset=samples, solver=answers(), scorer=scorers, epochs=Epochs(2, ["mean", "max"]), name="harm")
        evaluate(task, model="mockllm/model", log_dir=str(folder), log_format=form, display="none")
        found[form] = next(folder.glob(f"*.{form}"))
    return found


def ours(file: Path) -> Log:
    content = archives.header(file) if file.suffix == ".eval" else json_of(file)
    return ITEMS["inspect"](file, content, inspect.read(file, content))


def theirs(log: EvalLog) -> dict[str, tuple[float, float | None]]:
    """Each metric of each scorer and reducer, with the standard error beside it."""
    assert log.results is not None
    found = {}
    for score in log.results.scores:
        names = [other.name for other in log.results.scores]
        name = f"{score.name}_{score.reducer}" if names.count(score.name) > 1 and score.reducer else score.name
        error = score.metrics.get("stderr")
        for key, metric in score.metrics.items():
            if key != "stderr" and metric.group != "ci":
                of_mean = error.value if error and key in ("accuracy", "mean") else None
                found[f"{name}/{key}"] = float(metric.value), of_mean
    return found


@pytest.mark.parametrize("form", ["eval", "json"])
def test_values_and_errors_are_those_of_inspects_own_library(written: dict[str, Path], form: str) -> None:
    log, read = read_eval_log(str(written[form])), ours(written[form])
    wanted = theirs(log)
    assert (read.model, {score.task for score in read.scores}) == (log.eval.model, {"harm"})
    assert {score.metric: score.value for score in read.scores} == {name: value for name, (value, _) in wanted.items()}
    errors = {score.metric: score.standard_error for score in read.scores}
    assert {name: errors[name] for name, (_, error) in wanted.items() if error is not None} == {
        name: error for name, (_, error) in wanted.items() if error is not None
    }
    assert {score.n for score in read.scores} == {9}


@pytest.mark.parametrize("form", ["eval", "json"])
def test_items_are_those_of_inspects_own_library(written: dict[str, Path], form: str) -> None:
    log, read = read_eval_log(str(written[form])), ours(written[form])
    with_items = {
        score.metric: dict(score.items.select("item", "value").iter_rows())
        for score in read.scores
        if score.items is not None
    }
    assert len(with_items) >= 6
    assert log.reductions is not None
    for reduction in log.reductions:
        for key in NAMES.get(reduction.scorer, ()):
            values = {}
            for sample in reduction.samples:
                value = sample.value[key] if isinstance(sample.value, dict) else sample.value
                values[str(sample.sample_id)] = GRADES.get(str(value), value)
            metric = "accuracy" if key == "match" else "mean"
            assert with_items[f"{key}_{reduction.reducer}/{metric}"] == values


def test_both_forms_say_the_same(written: dict[str, Path]) -> None:
    first, second = ours(written["eval"]), ours(written["json"])
    assert first.scores == second.scores
    for one, other in zip(first.scores, second.scores, strict=True):
        assert (one.items is None) == (other.items is None)
        assert one.items is None or (other.items is not None and one.items.equals(other.items))


def test_an_interval_of_inspects_is_its_standard_error(written: dict[str, Path]) -> None:
    """`ci()` over nine items, of a scorer with one value and with several: the error is what `stderr()` would give."""
    read = {score.metric: score for score in ours(written["eval"]).scores}
    for name in ("lengthy_mean/mean", "refusal_mean/mean", "refusal_max/mean"):
        items = read[name].items
        assert items is not None
        error = float(items["value"].std()) / math.sqrt(9)  # type: ignore[arg-type]
        assert read[name].standard_error == pytest.approx(error)
    assert not [name for name in read if "lower" in name or "upper" in name]
