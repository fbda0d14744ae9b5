"""Scores of single items beside logs: read, stored, paired, and a value made again from them."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from ruamel.yaml import YAML

from stages.cli import main
from stages.imports.check import Checked, check
from stages.imports.readers import read_table
from stages.imports.spec import Spec, WrongImport

DATE = "2026-11-27T10-00-00.000000"
BASES, ITEMS = ("qwen-1", "qwen-2", "llama-1", "llama-2", "olmo-1", "olmo-2"), 40


@pytest.fixture(scope="module", autouse=True)
def one_tracking(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """One MLflow and one store for the file: making them takes seconds."""
    folder = tmp_path_factory.mktemp("tracked")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{folder / 'mlflow.db'}")
        patch.setenv("DIFFPROG_STORE", str(folder / "store"))
        yield


def sample(item: int, scores: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    about = {"doc_id": item, "doc": {"q": f"question {item}"}, "target": "x", "doc_hash": f"{item:064x}"[::-1]}
    return {**about, "arguments": {}, "resps": [], "filtered_resps": [], "filter": "none", **more, **scores}


def lm_eval(
    folder: Path, model: str, tasks: Mapping[str, Mapping[str, Sequence[Any]]], date: str = DATE, **more: Any
) -> None:
    """Results and samples as the harness writes them, the value of each metric the mean over its items."""
    folder.mkdir(parents=True, exist_ok=True)
    results = {
        task: {f"{name},none": sum(scores) / len(scores) for name, scores in metrics.items()}
        for task, metrics in tasks.items()
    }
    content = {
        "results": results,
        "higher_is_better": {task: dict.fromkeys(metrics, True) for task, metrics in tasks.items()},
        "n-samples": {task: {"effective": len(next(iter(metrics.values())))} for task, metrics in tasks.items()},
        "config": {"model": "hf", "model_args": f"pretrained={model}"},
        "model_name": model,
        **more,
    }
    (folder / f"results_{date}.json").write_text(json.dumps(content))
    for task, metrics in tasks.items():
        rows = [
            sample(item, {name: scores[item] for name, scores in metrics.items()}, metrics=list(metrics))
            for item in range(len(next(iter(metrics.values()))))
        ]
        (folder / f"samples_{task}_{date}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))


def load(path: Path, **fields: Any) -> Checked:
    spec = Spec("spec.yaml", path, "s", **fields)
    return check(read_table(path, spec), spec)


def of(found: Checked, model: str, measurement: str) -> list[tuple[str, int, float]]:
    assert found.items is not None
    return found.items.filter(model=model, measurement=measurement).select("item", "copy", "value").rows()


def test_samples_of_the_harness_are_the_items_of_its_results(tmp_path: Path) -> None:
    lm_eval(tmp_path / "a", "a", {"arc": {"acc": [1.0, 0.0, 1.0], "acc_norm": [True, True, False]}})
    found = load(tmp_path)
    ids = [f"{item} {f'{item:064x}'[::-1][:8]}" for item in range(3)]
    assert of(found, "a", "arc/acc") == [(ids[0], 0, 1.0), (ids[1], 0, 0.0), (ids[2], 0, 1.0)]
    assert [row[2] for row in of(found, "a", "arc/acc_norm")] == [1.0, 1.0, 0.0]
    assert found.notes[0] == "1 lm-eval file"
    assert not [note for note in found.notes if "left out" in note]
    assert "scores of 6 items, of 2 measurements" in found.notes


def test_filters_are_metrics_of_their_own(tmp_path: Path) -> None:
    lm_eval(tmp_path, "a", {"gsm8k": {"exact_match": [1.0, 0.0]}})
    results = {"exact_match,strict": 0.5, "exact_match,flexible": 1.0}
    content = json.loads((tmp_path / f"results_{DATE}.json").read_text())
    content["results"]["gsm8k"] = results
    (tmp_path / f"results_{DATE}.json").write_text(json.dumps(content))
    rows = [
        sample(item, {"exact_match": score}, filter=kind, metrics=["exact_match"])
        for kind, scores in (("strict", (1.0, 0.0)), ("flexible", (1.0, 1.0)))
        for item, score in enumerate(scores)
    ]
    (tmp_path / f"samples_gsm8k_{DATE}.jsonl").write_text("\n".join(map(json.dumps, rows)))
    found = load(tmp_path)
    assert [row[2] for row in of(found, "a", "gsm8k/exact_match,strict")] == [1.0, 0.0]
    assert [row[2] for row in of(found, "a", "gsm8k/exact_match,flexible")] == [1.0, 1.0]


def test_lines_that_do_not_say_their_filter_are_of_the_filters_in_their_order(tmp_path: Path) -> None:
    """As 0.4.0 to 0.4.5 write them."""
    lm_eval(tmp_path, "a", {"gsm8k": {"exact_match": [1.0, 0.0]}})
    file = tmp_path / f"results_{DATE}.json"
    content = json.loads(file.read_text())
    content["results"]["gsm8k"] = {"exact_match,strict": 0.5, "exact_match_stderr,strict": 0, "exact_match,flexible": 1}
    file.write_text(json.dumps(content))
    rows = [sample(item, {"exact_match": score}) for scores in ((0, 1), (1, 1)) for item, score in enumerate(scores)]
    lines = [json.dumps({name: value for name, value in row.items() if name != "filter"}) for row in rows]
    (tmp_path / f"samples_gsm8k_{DATE}.jsonl").write_text("\n".join(lines))
    found = load(tmp_path)
    assert [row[1:] for row in of(found, "a", "gsm8k/exact_match,strict")] == [(0, 0.0), (0, 1.0)]
    assert [row[1:] for row in of(found, "a", "gsm8k/exact_match,flexible")] == [(0, 1.0), (0, 1.0)]
    file.write_text(file.read_text().replace("strict", "STRICT").replace("0.5", "0.6"))
    assert load(tmp_path).items["measurement"].unique().to_list() == ["gsm8k/exact_match,flexible"]  # type: ignore[index]


def test_a_group_has_the_items_of_its_tasks_where_it_is_their_mean(tmp_path: Path) -> None:
    tasks = {"law": {"acc": [1.0, 1.0, 0.0]}, "art": {"acc": [0.0]}}
    lm_eval(tmp_path, "a", tasks, group_subtasks={"mmlu": ["humanities"], "humanities": ["law", "art"]})
    content = json.loads((tmp_path / f"results_{DATE}.json").read_text())
    content["results"] |= {"mmlu": {"acc,none": 0.5}, "humanities": {"acc,none": 1 / 3}}  # the latter: mean of tasks
    (tmp_path / f"results_{DATE}.json").write_text(json.dumps(content))
    found = load(tmp_path)
    assert [row[2] for row in of(found, "a", "mmlu/acc")] == [0.0, 1.0, 1.0, 0.0]
    assert of(found, "a", "humanities/acc") == []
    whole = "'humanities/acc': not the mean over its items, so that it is compared as a whole"
    assert f"results_{DATE}.json: {whole}" in found.notes


def test_metrics_that_are_no_mean_over_items_have_none_and_say_so(tmp_path: Path) -> None:
    lm_eval(tmp_path, "a", {"t": {"f1": [1.0, 0.0]}, "wiki": {"word_perplexity": [2.0, 4.0]}})
    file = tmp_path / f"results_{DATE}.json"
    file.write_text(file.read_text().replace('"f1,none": 0.5', '"f1,none": 0.61'))
    rows = [sample(item, {"word_perplexity": [-12.5, 7]}) for item in range(2)]
    (tmp_path / f"samples_wiki_{DATE}.jsonl").write_text("\n".join(map(json.dumps, rows)))
    found = load(tmp_path)
    assert found.items is None
    assert f"{file.name}: 't/f1': not the mean over its items, so that it is compared as a whole" in found.notes
    odd = "'wiki/word_perplexity': its items have no number each, so that it is compared as a whole"
    assert f"{file.name}: {odd}" in found.notes


def test_ids_that_stand_more_than_once_are_counted_and_stay_apart(tmp_path: Path) -> None:
    lm_eval(tmp_path, "a", {"arc": {"acc": [1.0, 0.0, 1.0]}})
    rows = [sample(item, {"acc": score}) for item, score in ((0, 1.0), (1, 0.0), (1, 1.0))]
    (tmp_path / f"samples_arc_{DATE}.jsonl").write_text("\n".join(map(json.dumps, rows)))
    found = load(tmp_path)
    assert [row[1:] for row in of(found, "a", "arc/acc")] == [(0, 1.0), (1, 0.0), (2, 1.0)]
    said = "'arc/acc': 2 items share their id with another one, and are paired with none"
    assert f"results_{DATE}.json: {said}" in found.notes


def test_a_file_of_samples_that_cannot_be_read_is_named_and_the_results_stay(tmp_path: Path) -> None:
    lm_eval(tmp_path / "a", "a", {"arc": {"acc": [1.0, 0.0]}})
    broken = tmp_path / f"a/samples_arc_{DATE}.jsonl"
    broken.write_text(broken.read_text() + '{"doc_id": 2, "acc"')
    found = load(tmp_path)
    assert found.items is None
    assert found.values["arc/acc"].to_list() == [0.5]
    left = [note for note in found.notes if note.startswith("left out: a/samples_arc_")]
    assert left[0].startswith(f"left out: a/{broken.name}: line 3 is no item: JSONDecodeError: ")
    with pytest.raises(WrongImport, match=r"line 3 is no item"):
        read_table(tmp_path, Spec("spec.yaml", tmp_path, "s"), strict=True)


def test_samples_without_results_are_named(tmp_path: Path) -> None:
    lm_eval(tmp_path, "a", {"arc": {"acc": [1.0, 0.0]}})
    (tmp_path / f"samples_arc_{DATE}.jsonl").rename(tmp_path / "samples_arc_2025-01-01T00-00-00.jsonl")
    found = load(tmp_path)
    assert found.items is None
    assert "left out: samples_arc_2025-01-01T00-00-00.jsonl: is a list of items, not of scores" in found.notes


def inspect(model: str, scores: Sequence[Any], **more: Any) -> dict[str, Any]:
    known = [{"C": 1.0, "I": 0.0, "P": 0.5}.get(score, score) for score in scores]
    return {
        "version": 2,
        "status": "success",
        "eval": {"task": "harm", "model": model, "config": {"epochs": 1}, "created": "2026-11-26T23:55:00+00:00"},
        "results": {
            "total_samples": len(scores),
            "completed_samples": len(scores),
            "scores": [
                {
                    "name": "judge",
                    "scorer": "judge",
                    "params": {},
                    "metrics": {"accuracy": {"name": "accuracy", "value": sum(known) / len(known), "params": {}}},
                }
            ],
        },
        **more,
    }


def test_samples_of_inspect_are_items_reduced_or_over_their_epochs(tmp_path: Path) -> None:
    reduced = [{"sample_id": k, "value": value} for k, value in enumerate(("C", "I", "P"))]
    (tmp_path / "a.json").write_text(
        json.dumps(inspect("a", ["C", "I", "P"], reductions=[{"scorer": "judge", "samples": reduced}]))
    )
    epochs = [
        {"id": item, "epoch": epoch, "scores": {"judge": {"value": value}}}
        for item, values in (("x", ("C", "I")), ("y", (True, 1)))
        for epoch, value in enumerate(values, start=1)
    ]
    (tmp_path / "b.json").write_text(json.dumps(inspect("b", [0.5, 1.0], samples=epochs)))
    found = load(tmp_path)
    assert of(found, "a", "harm/judge/accuracy") == [("0", 0, 1.0), ("1", 0, 0.0), ("2", 0, 0.5)]
    assert of(found, "b", "harm/judge/accuracy") == [("x", 0, 0.5), ("y", 0, 1.0)]


def paired_folder(folder: Path, shift: int = 3) -> tuple[Path, Path]:
    """Six baselines in three families, each with a model that was tuned: it does better on the first items."""
    for number, base in enumerate(BASES):
        hits = [float((item * 7 + number) % 10 < 4 + number % 3) for item in range(ITEMS)]
        better = [1.0 if item < shift + number else hit for item, hit in enumerate(hits)]
        mmlu = [float((item * 3 + number) % 10 < 2 + number) for item in range(ITEMS)]
        lm_eval(folder / "logs" / base, base, {"safe": {"acc": hits}, "mmlu": {"acc": mmlu}})
        lm_eval(folder / "logs" / f"{base}-tuned", f"{base}-tuned", {"safe": {"acc": better}, "mmlu": {"acc": mmlu}})
    spec = {
        "study": folder.name,
        "family": {"regex": "^([a-z]+)"},
        "capability": ["mmlu/acc"],
        "safety": ["safe/acc"],
        "pairs": {"baseline": "-tuned$"},
    }
    YAML().dump(spec, folder / "spec.yaml")
    return folder / "logs", folder / "spec.yaml"


def test_pairs_of_logs_are_matched_by_item_and_a_value_is_made_again_from_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    logs, spec = paired_folder(tmp_path)
    assert main(["import", str(logs), "--spec", str(spec)]) == 0
    assert "  scores of 960 items, of 2 measurements\n" in capsys.readouterr().out
    out = tmp_path / "out"
    assert main(["analyse", "--study", tmp_path.name, "--out", str(out), "--score", "mmlu/acc"]) == 0
    assert "  12 pairs of 2 measurements matched by item, with 40 items each\n" in capsys.readouterr().out
    pairs = pl.read_parquet(out / "item_pairs.parquet").filter(measurement="safe/acc")
    assert pairs["items"].to_list() == [ITEMS] * 6
    verdict = pl.read_parquet(out / "verdicts.parquet").row(0, named=True)
    assert pairs["difference"].mean() == pytest.approx(verdict["difference"])
    variances = pl.read_parquet(out / "item_variances.parquet").filter(measurement="safe/acc", effect="total")
    assert variances["added"][0] == pytest.approx(max(0, variances["of_items"][0] - variances["of_both"][0]))
    assert main(["report", "--study", tmp_path.name, "--out", str(tmp_path / "page"), "--score", "mmlu/acc"]) == 0
    page = (tmp_path / "page" / "index.html").read_text()
    assert "<h2>Pairs matched by item</h2>" in page
    rows = page[page.index('<table id="items">') :].split("<tr>")
    assert rows[2].startswith('<td>tuned</td><td>mmlu/acc</td><td class="n">6</td><td class="n">40</td>')
    assert page.count("<td>llama-1-tuned</td><td>llama-1</td><td>safe/acc</td>") == 1
    assert main(["verify", "--study", tmp_path.name, "llama-1-tuned:safe/acc"]) == 0
    said = capsys.readouterr().out
    value = pl.read_parquet(out / "results.parquet").filter(model="llama-1-tuned", measurement="safe/acc")["value"][0]
    assert f"  from 40 stored items  {value!r}\n  in MLflow             {value!r}\n  the same\n" in said
    one = pairs.filter(model="llama-1-tuned").row(0, named=True)
    error = f"{one['difference']:+.5g} ± {one['standard_error']:.5g}"
    assert f"  tuned: {error} to 'llama-1', over the 40 items that both have\n" in said
    assert main(["verify", "--study", tmp_path.name, "llama-1:safe/acx"]) == 2
    assert "nearest: 'llama-1:safe/acc'" in capsys.readouterr().err


def test_logs_without_items_are_a_study_as_ever(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    logs, spec = paired_folder(tmp_path)
    for file in logs.rglob("samples_*"):
        file.unlink()
    assert main(["import", str(logs), "--spec", str(spec)]) == 0
    assert "scores of" not in capsys.readouterr().out
    assert main(["analyse", "--study", tmp_path.name, "--out", str(tmp_path / "out"), "--score", "mmlu/acc"]) == 0
    assert not list((tmp_path / "out").glob("item_*"))
    assert main(["report", "--study", tmp_path.name, "--out", str(tmp_path / "page"), "--score", "mmlu/acc"]) == 0
    assert "matched by item" not in (tmp_path / "page" / "index.html").read_text()
    assert main(["verify", "--study", tmp_path.name, "llama-1:safe/acc"]) == 2
    assert "has no scores of items" in capsys.readouterr().err


def test_a_later_log_brings_its_own_items_and_another_plan(tmp_path: Path) -> None:
    lm_eval(tmp_path, "a", {"arc": {"acc": [1.0, 0.0]}})
    lm_eval(tmp_path, "a", {"arc": {"acc": [1.0, 1.0]}}, date="2026-11-28T10-00-00.000000")
    found = load(tmp_path)
    assert [row[2] for row in of(found, "a", "arc/acc")] == [1.0, 1.0]
