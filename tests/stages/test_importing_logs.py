"""Result files of evaluation libraries, written here as those libraries write them."""

import json
from pathlib import Path
from typing import Any

import pytest

from stages.imports.check import Checked, check
from stages.imports.readers import read_table
from stages.imports.spec import Spec, WrongImport


def written(folder: Path, files: dict[str, Any]) -> Path:
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(json.dumps(content))
    return folder


def load(path: Path, **fields: Any) -> Checked:
    spec = Spec("spec.yaml", path, "s", **fields)
    return check(read_table(path, spec), spec)


def lm_eval(model: str, acc: float) -> dict[str, Any]:
    return {
        "results": {
            "arc_easy": {
                "name": "arc_easy",
                "alias": "arc_easy",
                "sample_len": 2376,
                "acc,none": acc,
                "acc_stderr,none": 0.01,
                "acc_norm,none": acc + 0.1,
                "acc_norm_stderr,none": "N/A",
            },
            "gsm8k": {"exact_match,strict-match": 0.1, "exact_match_stderr,strict-match": 0.02, "alias": "gsm8k"},
            "wikitext": {"word_perplexity,none": 20.0, "word_perplexity_stderr,none": "N/A", "alias": "wikitext"},
            "mmlu": {" ": " ", "alias": "mmlu"},
        },
        "higher_is_better": {"arc_easy": {"acc": True, "acc_norm": True}, "wikitext": {"word_perplexity": False}},
        "n-samples": {"arc_easy": {"original": 2376, "effective": 2376}},
        "config": {"model": "hf", "model_args": f"pretrained={model},dtype=float16"},
        "model_name": model,
    }


def test_lm_evaluation_harness_results(tmp_path: Path) -> None:
    files = {"a/results_1.json": lm_eval("org/a", 0.5), "b/results_1.json": lm_eval("org/b", 0.6)}
    del files["b/results_1.json"]["model_name"]
    found = load(written(tmp_path, files), capability=("arc_easy/acc",))
    assert found.models["model"].to_list() == ["org/a", "org/b"]
    assert found.values.to_dict(as_series=False) == {
        "arc_easy/acc": [0.5, 0.6],
        "arc_easy/acc_norm": [0.6, 0.7],
        "gsm8k/exact_match,strict-match": [0.1, 0.1],
        "wikitext/word_perplexity": [20.0, 20.0],
    }
    assert found.errors["arc_easy/acc"].to_list() == [0.01, 0.01]
    assert found.errors["arc_easy/acc_norm"].to_list() == [None, None]
    assert found.n["arc_easy/acc"].to_list() == [2376.0, 2376.0]
    assert [one.name for one in found.measured if not one.higher_is_better] == ["wikitext/word_perplexity"]


def test_older_lm_evaluation_harness_results_have_no_filters(tmp_path: Path) -> None:
    content = {
        "results": {"piqa": {"acc": 0.7, "acc_stderr": 0.01}},
        "versions": {"piqa": 0},
        "config": {"model": "hf-causal", "model_args": "pretrained=org/old"},
    }
    found = load(written(tmp_path, {"r.json": content}) / "r.json")
    assert (found.models["model"][0], found.values["piqa/acc"][0], found.errors["piqa/acc"][0]) == (
        "org/old",
        0.7,
        0.01,
    )


def inspect(model: str, task: str, accuracy: float, status: str = "success") -> dict[str, Any]:
    metric = {
        name: {"name": name, "value": value, "params": {}} for name, value in (("accuracy", accuracy), ("stderr", 0.02))
    }
    return {
        "version": 2,
        "status": status,
        "eval": {"task": f"inspect_evals/{task}", "model": model, "dataset": {}, "config": {}},
        "results": {
            "total_samples": 100,
            "completed_samples": 98,
            "scores": [{"name": "choice", "scorer": "choice", "reducer": None, "params": {}, "metrics": metric}],
        },
    }


def test_inspect_logs_dumped_as_json(tmp_path: Path) -> None:
    files = {
        "1.json": inspect("openai/x", "arc", 0.9),
        "2.json": inspect("openai/x", "strong_reject", 0.3),
        "3.json": inspect("openai/y", "arc", 0.8),
    }
    found = load(written(tmp_path, files), capability=("arc/*",))
    assert found.models["model"].to_list() == ["openai/x", "openai/y"]
    assert found.values.to_dict(as_series=False) == {
        "arc/choice/accuracy": [0.9, 0.8],
        "strong_reject/choice/accuracy": [0.3, None],
    }
    assert found.errors["arc/choice/accuracy"].to_list() == [0.02, 0.02]
    assert found.n["arc/choice/accuracy"].to_list() == [98.0, 98.0]


def test_an_inspect_log_that_failed_or_is_there_again_is_refused(tmp_path: Path) -> None:
    with pytest.raises(WrongImport) as caught:
        load(
            written(
                tmp_path / "failed",
                {"1.json": inspect("m", "arc", 0.9, "error"), "2.json": {"eval": {}, "status": "success"}},
            )
        )
    assert caught.value.faults == [
        "1.json: the status of this log is 'error', and only a valid 'success' counts",
        "2.json: not in the form of inspect: KeyError: 'model'",
    ]
    with pytest.raises(WrongImport, match=r"^2.json: 'arc/choice/accuracy' of 'm' is 0.8, and 0.9 in 1.json; "):
        load(written(tmp_path / "twice", {"1.json": inspect("m", "arc", 0.9), "2.json": inspect("m", "arc", 0.8)}))


def test_inspect_data_frames(tmp_path: Path) -> None:
    scores = ",".join(f"score_headline_{name}" for name in ("name", "metric", "value", "stderr"))
    header = f"eval_id,model,task_name,completed_samples,{scores}"
    (tmp_path / "evals.csv").write_text(
        f"{header}\n1,m,arc,98,choice,accuracy,0.9,0.02\n2,m,gpqa,50,choice,accuracy,0.4,\n"
    )
    found = load(tmp_path / "evals.csv")
    assert found.values.to_dict(as_series=False) == {"arc/choice/accuracy": [0.9], "gpqa/choice/accuracy": [0.4]}
    assert found.n["gpqa/choice/accuracy"].to_list() == [50.0]


def test_robustbench_model_info(tmp_path: Path) -> None:
    files = {
        "cifar10/Linf/Standard.json": {
            "dataset": "cifar10",
            "eps": None,
            "clean_acc": "94.78",
            "autoattack_acc": "0.0",
            "venue": "N/A",
        },
        "cifar10/Linf/B2024.json": {
            "dataset": "cifar10",
            "eps": "8/255",
            "clean_acc": "93.68",
            "autoattack_acc": "73.71",
            "venue": "ICML",
        },
        "imagenet/corruptions/C.json": {
            "dataset": "imagenet",
            "clean_acc": "76.0",
            "corruptions_mce": "76.7",
            "link": "https://x",
        },
    }
    found = load(written(tmp_path, files), percent=("*_acc",), capability=("clean_acc",))
    assert found.models["model"].to_list() == [
        "cifar10, Linf, B2024",
        "cifar10, Linf, Standard",
        "imagenet, corruptions, C",
    ]
    assert found.values["autoattack_acc"].to_list() == [pytest.approx(0.7371), 0.0, None]
    assert found.values["eps"].to_list() == [8 / 255, None, None]
    assert [one.name for one in found.measured if not one.higher_is_better] == ["corruptions_mce"]
    assert "2 columns left out, text or empty: 'venue', 'link'" in found.notes
