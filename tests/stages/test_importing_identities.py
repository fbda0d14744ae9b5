"""Whose numbers a log's are: nothing that makes a model or a measurement another one is cut off."""

import json
import math
import re
from pathlib import Path
from typing import Any

import pytest

from stages.imports.check import Checked, check
from stages.imports.readers import read_table
from stages.imports.scores import quantised, seconds
from stages.imports.spec import Spec, WrongImport


def log(arguments: str, value: float, *, task: str = "piqa", shots: int | None = None, **more: Any) -> dict[str, Any]:
    shown = {"n-shot": {task: shots}} if shots is not None else {}
    return {
        "results": {task: {"acc,none": value, "acc_stderr,none": 0.01}},
        "config": {"model": "hf", "model_args": arguments},
        **shown,
        **more,
    }


def load(folder: Path, *logs: dict[str, Any], strict: bool = False, **fields: Any) -> Checked:
    for number, content in enumerate(logs):
        (folder / f"{number}.json").write_text(json.dumps(content))
    spec = Spec("spec.yaml", folder, "s", **fields)
    return check(read_table(folder, spec, strict=strict), spec)


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        ("pretrained=org/m", "org/m"),
        ("pretrained=org/m,revision=main,peft=None,device=cuda:0", "org/m"),
        ("pretrained=org/m,revision=step1000", "org/m, revision=step1000"),
        ("pretrained=org/m,peft=me/lora", "org/m, peft=me/lora"),
        ("pretrained=org/m,load_in_8bit=True", "org/m, load_in_8bit=True"),
        ({"pretrained": "org/m", "delta": "me/delta"}, "org/m, delta=me/delta"),
    ],
)
def test_revisions_adapters_and_quantisation_are_part_of_a_model(tmp_path: Path, arguments: Any, name: str) -> None:
    base = log("pretrained=org/base", 0.6)
    found = load(tmp_path, base, log(arguments, 0.5, model_name="org/m"))
    assert found.models["model"].to_list() == ["org/base", name]
    assert found.values["piqa/acc"].to_list() == [0.6, 0.5]


def test_adapters_and_checkpoints_of_one_base_are_three_models(tmp_path: Path) -> None:
    found = load(
        tmp_path,
        log("pretrained=org/b", 0.6, task="mmlu"),
        log("pretrained=org/b,peft=me/safety-lora", 0.8, task="toxigen"),
        log("pretrained=org/b,revision=step1000", 0.45, task="truthfulqa"),
    )
    assert len(found.models) == 3
    assert [found.values[name].count() for name in found.values.columns] == [1, 1, 1]


def test_how_a_model_was_run_tells_it_apart_only_where_the_same_was_measured(tmp_path: Path) -> None:
    half, full = "pretrained=org/m,dtype=float16", "pretrained=org/m,dtype=float32"
    found = load(tmp_path, log(half, 0.5), log(full, 0.6, task="arc"))
    assert found.models["model"].to_list() == ["org/m"]
    said = "of one model, as they measure nothing in common, are logs that were run differently (dtype): 'org/m'"
    assert said in found.notes
    found = load(tmp_path, log(half, 0.5), log(full, 0.6), log("pretrained=org/m", 0.7))
    assert found.models["model"].to_list() == [f"org/m, dtype={dtype}" for dtype in ("float16", "float32", "none")]


def test_numbers_of_examples_that_differ_make_different_measurements(tmp_path: Path) -> None:
    model = "pretrained=org/m"
    found = load(tmp_path, log(model, 0.5, shots=0), log(model, 0.6, shots=5), log("pretrained=org/n", 0.7, shots=5))
    assert found.values.to_dict(as_series=False) == {
        "piqa (num_fewshot=0)/acc": [0.5, None],
        "piqa (num_fewshot=5)/acc": [0.6, 0.7],
    }
    assert load(tmp_path, *[log(model, 0.5, shots=5)] * 3).values.columns == ["piqa/acc"]


def test_of_two_dates_the_later_counts_and_the_earlier_is_named(tmp_path: Path) -> None:
    model = "pretrained=org/m"
    found = load(tmp_path, log(model, 0.5, date=1.7e9), log(model, 0.6, date=1.6e9))
    assert found.values["piqa/acc"].to_list() == [0.5]
    assert "1.json: measured again in 0.json, which counts" in found.notes


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"acc,none": math.inf}, "inf is no finite number"),
        ({"acc_stderr,none": -0.1}, "-0.1 is no standard error: those are numbers from 0"),
        ({"acc,none": "high"}, "'high' is no finite number"),
    ],
)
def test_one_odd_score_leaves_the_others_in_and_strict_refuses(
    tmp_path: Path, change: dict[str, Any], said: str
) -> None:
    odd = log("pretrained=org/odd", 0.4)
    odd["results"]["piqa"] |= change
    odd["results"]["arc"] = {"acc,none": 0.7, "acc_stderr,none": "N/A"}
    found = load(tmp_path, log("pretrained=org/m", 0.5), odd)
    assert found.values["piqa/acc"].to_list() == [0.5, None]
    assert found.values["arc/acc"].to_list() == [None, 0.7]
    assert f"left out: 1.json: 'piqa/acc': {said}" in found.notes
    with pytest.raises(WrongImport, match=rf"^1.json: 'piqa/acc': {re.escape(said)}$"):
        load(tmp_path, strict=True)


def test_a_later_log_without_a_value_does_not_replace_a_number(tmp_path: Path) -> None:
    model = "pretrained=org/m"
    found = load(tmp_path, log(model, 0.5, date=1.6e9), log(model, math.nan, date=1.7e9))
    assert found.values["piqa/acc"].to_list() == [0.5]
    assert "1.json: 'piqa/acc' of 'org/m' has no value, and that in 0.json counts" in found.notes


@pytest.mark.parametrize("text", ["4bit", "8-bit", "int8", "uint4", "fp8", "float8_e4m3fn", "nf4", "GPTQ", "awq"])
def test_quantised_weights_are_others(text: str) -> None:
    assert quantised(text) == text


@pytest.mark.parametrize("text", [None, "auto", "float16", "torch.bfloat16", "fp16", "fp32", "16bit", "float32"])
def test_a_precision_has_the_same_weights(text: str | None) -> None:
    assert quantised(text) is None


@pytest.mark.parametrize(
    ("earlier", "later"),
    [
        ("2024-05-01T10:00:00+02:00", "2024-05-01T09:00:00+00:00"),
        ("2024-05-01T10:00:00+02:00", "2024-05-01 09:00:00"),
        ("2024-01-01T00:00:00Z", "1750000000.0"),
        (999999999, 1.1e9),
        ("2024-05-01T10:00:00", "2024-05-01T10:00:00.5"),
        (None, "2024-05-01"),
        ("yesterday", "2024-05-01"),
        (True, 1e9),
    ],
)
def test_times_are_compared_as_times(earlier: object, later: object) -> None:
    assert seconds(earlier) < seconds(later)


def test_the_same_number_twice_is_one_and_two_numbers_of_no_date_are_refused(tmp_path: Path) -> None:
    model = "pretrained=org/m"
    assert load(tmp_path, log(model, 0.5), log(model, 0.5)).values["piqa/acc"].to_list() == [0.5]
    with pytest.raises(WrongImport) as caught:
        load(tmp_path, log(model, 0.5), log(model, 0.6))
    assert caught.value.faults == ["1.json: 'piqa/acc' of 'org/m' is 0.6, and 0.5 in 0.json; leave one out"]


def test_a_bad_file_leaves_the_others_in_and_strict_refuses(tmp_path: Path) -> None:
    (tmp_path / "bad.json").write_text("{")
    (tmp_path / "list.json").write_text("[1]")
    (tmp_path / "samples_piqa.jsonl").write_text("{}")
    found = load(tmp_path, log("pretrained=org/m", 0.5))
    assert found.notes[:4] == [
        "1 lm-eval file",
        "left out: bad.json: not JSON: Expecting property name enclosed in double quotes: line 1 column 2 (char 1)",
        "left out: list.json: is no log of a format that is known: inspect, every-eval-ever, lighteval, lm-eval, helm",
        "left out: samples_piqa.jsonl: line 1 is no item: KeyError: 'doc_id'",
    ]
    with pytest.raises(WrongImport) as caught:
        load(tmp_path, strict=True)
    assert [line.split(":")[0] for line in caught.value.faults] == ["bad.json", "list.json", "samples_piqa.jsonl"]


@pytest.mark.parametrize("place", ["higher_is_better", "metric_list", "name"])
def test_directions_come_from_the_log_or_from_names_that_are_known(tmp_path: Path, place: str) -> None:
    content = log("pretrained=org/m", 20.0, task="wiki")
    content["results"]["wiki"] = {"word_perplexity,none": 20.0}
    if place == "higher_is_better":
        content["higher_is_better"] = {"wiki": {"word_perplexity": False}}
    elif place == "metric_list":
        content["configs"] = {"wiki": {"metric_list": [{"metric": "word_perplexity", "higher_is_better": False}]}}
    assert load(tmp_path, content).measured[0].higher_is_better is False


def test_files_that_disagree_on_a_direction_are_refused(tmp_path: Path) -> None:
    ways = [log(f"pretrained=org/{way}", 0.5, higher_is_better={"piqa": {"acc": way}}) for way in (True, False)]
    with pytest.raises(WrongImport, match=r"^'piqa/acc': the files disagree on its direction$"):
        load(tmp_path, *ways)


def test_adapters_pair_with_their_base_and_checkpoints_have_their_step(tmp_path: Path) -> None:
    logs = [
        log("pretrained=org/b", 0.6),
        log("pretrained=org/b,peft=me/lora", 0.5),
        log("pretrained=org/p,revision=step1000", 0.4),
    ]
    found = load(tmp_path, *logs, method="adapter", baseline="base")
    paired = found.models.select("key", "method", "baseline").rows()
    assert paired == [
        ("org/b", "", ""),
        ("org/b, peft=me/lora", "me/lora", "org/b"),
        ("org/p, revision=step1000", "", ""),
    ]
    sized = load(tmp_path, *logs, family="name", scale={"flops": ("step", 1e15)})
    assert sized.models["family"].to_list() == ["org/b", "org/b", "org/p"]
    assert sized.models["flops"].to_list() == [None, None, 1e18]


def of_harness(arguments: str, value: float) -> dict[str, Any]:
    """A log with the model's name as the harness writes it: that of the adapter where there is one."""
    given = dict(part.split("=") for part in arguments.split(","))
    name = next(given[key] for key in ("peft", "delta", "pretrained") if key in given)
    return log(arguments, value, model_name=name)


def pairs_of(found: Checked) -> list[tuple[str, str, str]]:
    return [row for row in found.models.select("key", "method", "baseline").rows() if row[1]]


def test_a_run_that_the_harness_names_by_its_adapter_is_one_of_the_model_below(tmp_path: Path) -> None:
    logs = [of_harness(f"pretrained=org/b{more}", 0.5) for more in ("", ",peft=me/lora", ",delta=me/d", ",peft=None")]
    found = load(tmp_path, *logs, method="adapter", baseline="base")
    assert set(found.models["key"]) == {"org/b", "org/b, peft=me/lora", "org/b, delta=me/d"}
    assert pairs_of(found) == [("org/b, peft=me/lora", "me/lora", "org/b"), ("org/b, delta=me/d", "me/d", "org/b")]


@pytest.mark.parametrize("more", ["revision=step1000", "load_in_4bit=True"])
def test_the_base_of_an_adapter_is_the_model_of_its_revision_and_quantisation(tmp_path: Path, more: str) -> None:
    logs = [of_harness(f"pretrained=org/b{told}", 0.5) for told in ("", f",{more}", f",{more},peft=me/lora")]
    found = load(tmp_path, *logs, method="adapter", baseline="base")
    assert [pair[1:] for pair in pairs_of(found)] == [("me/lora", f"org/b, {more}")]


def test_the_base_of_an_adapter_was_run_as_the_adapter_was(tmp_path: Path) -> None:
    base, tuned = "pretrained=org/b", "pretrained=org/b,peft=me/lora"
    types = [f",dtype={name}" for name in ("float16", "float32")]
    several = [of_harness(name + dtype, float(dtype[-2:]) / 100) for name in (base, tuned) for dtype in types]
    found = load(tmp_path, *several, method="adapter", baseline="base")
    assert pairs_of(found) == [
        (f"org/b, peft=me/lora, dtype={name}", "me/lora", f"org/b, dtype={name}") for name in ("float16", "float32")
    ]
