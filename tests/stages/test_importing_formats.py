"""Result files of lighteval, HELM, Every Eval Ever and Inspect's archives, small but in each library's own form."""

import json
import struct
import zipfile
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pytest

from stages.imports import archives
from stages.imports.check import Checked, check
from stages.imports.formats import READERS, inspect_frame
from stages.imports.readers import read_table
from stages.imports.spec import FORMATS, Spec, WrongImport


def written(folder: Path, files: dict[str, Any]) -> Path:
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(json.dumps(content))
    return folder


def load(path: Path, *, strict: bool = False, **fields: Any) -> Checked:
    spec = Spec("spec.yaml", path, "s", **fields)
    return check(read_table(path, spec, strict=strict), spec)


def directions(found: Checked) -> dict[str, bool]:
    return {one.name: one.higher_is_better for one in found.measured}


def test_every_format_that_can_be_asked_for_has_a_reader() -> None:
    assert set(FORMATS) == {"table", "robustbench", *READERS}


def lighteval(model: str, acc: float) -> dict[str, Any]:
    return {
        "config_general": {"model_name": model, "model_sha": "x", "max_samples": None},
        "results": {
            "harness|arc:challenge|25": {"acc": acc, "acc_stderr": 0.01, "acc_norm": acc / 2},
            "leaderboard|ppl|0": {"word_perplexity": 9.5},
            "all": {"acc": 0.1, "acc_stderr": 0.01},
        },
        "versions": {"all": 0, "harness|arc:challenge|25": 0},
        "config_tasks": {
            "harness|arc:challenge|25": {
                "metrics": [{"metric_name": "acc", "higher_is_better": True}],
                "effective_num_docs": 1172,
            }
        },
    }


def test_lighteval_and_the_first_open_llm_leaderboard(tmp_path: Path) -> None:
    found = load(written(tmp_path, {"a.json": lighteval("lab/A", 0.4), "b.json": lighteval("lab/B", 0.5)}))
    assert found.models["model"].to_list() == ["lab/A", "lab/B"]
    assert found.values.to_dict(as_series=False) == {
        "harness|arc:challenge|25/acc": [0.4, 0.5],
        "harness|arc:challenge|25/acc_norm": [0.2, 0.25],
        "leaderboard|ppl|0/word_perplexity": [9.5, 9.5],
    }
    assert found.errors["harness|arc:challenge|25/acc"].to_list() == [0.01, 0.01]
    assert found.n["harness|arc:challenge|25/acc"].to_list() == [1172, 1172]
    assert directions(found)["leaderboard|ppl|0/word_perplexity"] is False


@pytest.mark.parametrize("kind", ["adapter", "delta"])
def test_an_adapter_of_lighteval_is_paired_with_its_base(tmp_path: Path, kind: str) -> None:
    tuned = lighteval("me/tuned", 0.5)
    tuned["config_general"]["model_config"] = {"model_name": "me/tuned", "base_model": "lab/A", f"{kind}_weights": True}
    files = {"a.json": lighteval("lab/A", 0.4), "b.json": tuned}
    found = load(written(tmp_path, files), method="adapter", baseline="base")
    assert found.models.select("key", "method", "baseline").rows() == [
        ("lab/A", "", ""),
        (f"lab/A, {kind}=me/tuned", "me/tuned", "lab/A"),
    ]
    del tuned["config_general"]["model_config"]["base_model"]
    notes = load(written(tmp_path, files)).notes
    assert "left out: b.json: names no base of its adapter ('config_general.model_config.base_model')" in notes


def test_the_error_of_a_mean_over_parts_is_that_of_independent_parts(tmp_path: Path) -> None:
    content = lighteval("lab/A", 0.4)
    errors = {"a": 0.03, "b": 0.04, "_average": 0.035}
    content["results"] = {
        f"leaderboard|mmlu:{part}|5": {"acc": 0.5, "acc_stderr": error, "odd": 1.0} for part, error in errors.items()
    }
    told = [{"metric_name": "acc", "higher_is_better": True}, {"metric_name": "odd", "higher_is_better": False}]
    content["config_tasks"] = {f"leaderboard|mmlu:{part}": {"metric": told, "effective_num_docs": 100} for part in "ab"}
    content["versions"] = {f"leaderboard|mmlu:{part}": 0 for part in "ab"}
    found = load(written(tmp_path, {"a.json": content}))
    names = [f"leaderboard|mmlu:{part}|5/acc" for part in errors]
    assert [found.errors[name][0] for name in names] == [0.03, 0.04, pytest.approx(0.025)]
    assert [found.n[name][0] for name in names] == [100, 100, 200]
    assert [directions(found)[f"leaderboard|mmlu:{part}|5/odd"] for part in errors] == [False] * 3
    later = json.loads(json.dumps(content).replace('"lab/A"', '"lab/B"'))
    later["versions"] = {f"leaderboard|mmlu:{part}": 1 for part in "ab"}
    found = load(written(tmp_path, {"b.json": later}))
    assert {f"leaderboard|mmlu:_average|5 (version={k})/acc" for k in (0, 1)} <= set(found.values.columns)


def test_a_quantised_model_is_another_one(tmp_path: Path) -> None:
    """Though nothing is measured of both."""
    files = {"a.json": lighteval("lab/A", 0.4), "b.json": lighteval("lab/A", 0.5)}
    files["a.json"]["config_general"]["model_config"] = {"dtype": "bfloat16"}
    files["b.json"]["config_general"]["model_config"] = {"dtype": "4bit"}
    del files["b.json"]["results"]["harness|arc:challenge|25"], files["a.json"]["results"]["leaderboard|ppl|0"]
    assert set(load(written(tmp_path / "lighteval", files)).models["model"]) == {"lab/A", "lab/A, dtype=4bit"}
    files = {"a.json": every_eval_ever("lab/a"), "b.json": every_eval_ever("lab/a")}
    files["b.json"]["model_info"]["additional_details"] = {"precision": "8bit"}
    del files["b.json"]["evaluation_results"][0], files["a.json"]["evaluation_results"][1]
    assert set(load(written(tmp_path / "every", files)).models["model"]) == {"lab/a", "lab/a, precision=8bit"}


def stat(name: str, mean: float, split: str = "test", count: int = 1, **more: Any) -> dict[str, Any]:
    return {"name": {"name": name, "split": split, **more}, "count": count, "sum": mean, "mean": mean}


def helm(model: str, subject: str, value: float) -> dict[str, Any]:
    worst: dict[str, Any] = {"perturbation": {"name": "robustness", "robustness": True, "computed_on": "worst"}}
    name = f"mmlu:subject={subject},method=multiple_choice_joint,model={model.replace('/', '_')}"
    return {
        f"{name}/run_spec.json": {"name": name, "adapter_spec": {"model": model, "max_train_instances": 5}},
        f"{name}/stats.json": [
            stat("num_prompt_tokens", 712.5),
            stat("inference_runtime", 1.5),
            stat("num_instances", 111),
            stat("exact_match", value),
            stat("exact_match", value - 0.1, **worst),
            stat("exact_match", 0.9, split="valid"),
            {"name": {"name": "training_co2_cost", "split": "test"}, "count": 0, "sum": 0},
            stat("bits_per_byte", 0.8),
        ],
        f"{name}/per_instance_stats.json": [],
    }


def test_helm_runs(tmp_path: Path) -> None:
    found = load(written(tmp_path, {**helm("openai/gpt2", "law", 0.4), **helm("meta/opt", "law", 0.5)}))
    assert found.models["model"].to_list() == ["meta/opt", "openai/gpt2"]
    task = "mmlu:subject=law,method=multiple_choice_joint"
    assert found.values.to_dict(as_series=False) == {
        f"{task}/exact_match": [0.5, 0.4],
        f"{task}/exact_match (robustness worst)": [0.4, pytest.approx(0.3)],
        f"{task}/bits_per_byte": [0.8, 0.8],
    }
    assert found.n[f"{task}/exact_match"].to_list() == [111, 111]
    assert directions(found) == dict(zip(found.values.columns, (True, True, False), strict=True))


def test_helm_statistics_without_their_run_name_no_model(tmp_path: Path) -> None:
    with pytest.raises(WrongImport, match=r"^stats.json: has no run_spec.json beside it, which names the model$"):
        load(written(tmp_path, {"stats.json": [stat("exact_match", 0.5)]}))


def every_eval_ever(model: str, **score: Any) -> dict[str, Any]:
    return {
        "schema_version": "0.2.1",
        "evaluation_id": f"x/{model}/1",
        "retrieved_timestamp": "1770682486.6",
        "source_metadata": {"source_name": "HF Open LLM v2"},
        "eval_library": {"name": "lm_eval", "version": "0.4.0"},
        "model_info": {"name": model.title(), "id": model},
        "evaluation_results": [
            {
                "evaluation_name": "IFEval",
                "source_data": {"dataset_name": "IFEval", "source_type": "hf_dataset"},
                "metric_config": {"lower_is_better": False, "score_type": "continuous", "min_score": 0, "max_score": 1},
                "score_details": {
                    "score": 0.44,
                    "uncertainty": {"standard_error": {"value": 0.02}, "num_samples": 541},
                },
            },
            {
                "evaluation_name": "harm",
                "source_data": {"dataset_name": "HELM safety", "source_type": "url"},
                "metric_config": {"lower_is_better": True},
                "score_details": {"score": 0.1, **score},
            },
        ],
    }


def test_every_eval_ever(tmp_path: Path) -> None:
    files = {"a/1.json": every_eval_ever("lab/a"), "b/1.json": every_eval_ever("lab/b", score=0.2)}
    found = load(written(tmp_path, files))
    assert found.models["model"].to_list() == ["lab/a", "lab/b"]
    assert found.values.to_dict(as_series=False) == {"IFEval": [0.44, 0.44], "HELM safety/harm": [0.1, 0.2]}
    assert found.errors["IFEval"].to_list() == [0.02, 0.02]
    assert found.n["IFEval"].to_list() == [541, 541]
    assert directions(found) == {"IFEval": True, "HELM safety/harm": False}


def test_scores_of_one_name_and_two_ranges_are_refused(tmp_path: Path) -> None:
    files = {f"{name}.json": every_eval_ever(f"lab/{name}") for name in "abc"}
    last = files["c.json"]["evaluation_results"][0]
    last["metric_config"]["max_score"], last["score_details"] = 100, {"score": 44.0}
    with pytest.raises(WrongImport) as caught:
        load(written(tmp_path, files))
    assert caught.value.faults == ["'IFEval': the files disagree on its range: 0 to 1 in a.json, 0 to 100 in c.json"]
    for content in files.values():
        content["evaluation_results"][0]["metric_config"]["max_score"] = 100
        content["evaluation_results"][0]["score_details"] = {"score": 44.0}
    assert load(written(tmp_path, files)).values["IFEval"].to_list() == [44.0] * 3


def metric(name: str, value: float, **more: Any) -> dict[str, Any]:
    return {"name": name, "value": value, "params": {}, **more}


def inspect(model: str, accuracy: float, *bounds: float, epochs: int = 1) -> dict[str, Any]:
    ends = {
        name: metric(name, value, group="ci") for name, value in zip(("lower", "upper"), bounds, strict=bool(bounds))
    }
    metrics = {"accuracy": metric("accuracy", accuracy), **ends}
    return {
        "version": 2,
        "status": "success",
        "eval": {"task": "harm", "model": model, "config": {"epochs": epochs}, "created": "2026-11-26T23:55:00+00:00"},
        "results": {
            "total_samples": 5 * epochs,
            "completed_samples": 5 * epochs,
            "scores": [{"name": "judge", "scorer": "judge", "params": {}, "metrics": metrics}],
        },
    }


def test_bounds_of_inspect_are_an_error_and_no_measurement_and_epochs_are_not_items(tmp_path: Path) -> None:
    content = inspect("m", 0.4, -0.280087380658255, 1.080087380658255, epochs=2)  # as ci() and stderr() give them
    found = load(written(tmp_path, {"a.json": content}))
    assert found.values.columns == ["harm/judge/accuracy"]
    assert found.errors["harm/judge/accuracy"].to_list() == [pytest.approx(0.24494897427831783)]
    assert found.n["harm/judge/accuracy"].to_list() == [5]


def archive(path: Path, content: Any, method: int) -> None:
    """An .eval file: a zip with a header, deflated (8) as by older versions, or by Zstandard (93) as by newer ones."""
    text = json.dumps(content).encode()
    if method == zipfile.ZIP_DEFLATED:
        with zipfile.ZipFile(path, "w", method) as opened:
            opened.writestr("_journal/start.json", "{}")
            opened.writestr("header.json", text)
        return
    with zipfile.ZipFile(path, "w") as opened:
        opened.writestr("header.json", pa.compress(text, "zstd", asbytes=True))
    raw = bytearray(path.read_bytes())
    central = raw.index(b"PK\x01\x02")
    for place, size in ((8, 22), (central + 10, central + 24)):
        raw[place : place + 2] = struct.pack("<H", method)
        raw[size : size + 4] = struct.pack("<I", len(text))
    path.write_bytes(raw)


@pytest.mark.parametrize("method", [8, 93])
def test_archives_of_inspect_say_what_their_json_says(tmp_path: Path, method: int) -> None:
    (tmp_path / "archives").mkdir()
    for name, accuracy in (("m", 0.5), ("o", 0.6)):
        archive(tmp_path / f"archives/{name}.eval", inspect(name, accuracy), method)
    files = {f"{name}.json": inspect(name, accuracy) for name, accuracy in (("m", 0.5), ("o", 0.6))}
    first, second = load(tmp_path / "archives"), load(written(tmp_path / "json", files))
    assert first.values.equals(second.values)
    assert first.models.equals(second.models)
    assert load(tmp_path / "archives/m.eval").values["harm/judge/accuracy"].to_list() == [0.5]


def test_a_folder_of_inspect_is_read_as_it_is(tmp_path: Path) -> None:
    """An eval set keeps the logs of failed tries beside the good ones, and files of its own."""
    failed = {**inspect("m", 0.2), "status": "cancelled"}
    found = load(written(tmp_path, {"a.json": inspect("m", 0.5), "b.json": failed, "eval-set.json": {"tasks": []}}))
    assert found.values["harm/judge/accuracy"].to_list() == [0.5]
    assert [note for note in found.notes if note.startswith("left out")] == [
        "left out: eval-set.json: is no log: Inspect writes it beside its results",
        "left out: b.json: the status of this log is 'cancelled', and only a valid 'success' counts",
    ]


def test_an_archive_that_was_cut_short_is_named(tmp_path: Path) -> None:
    archive(tmp_path / "a.eval", inspect("m", 0.5), 8)
    with zipfile.ZipFile(tmp_path / "b.eval", "w") as opened:
        opened.writestr("_journal/start.json", "{}")
    (tmp_path / "c.eval").write_bytes((tmp_path / "a.eval").read_bytes()[:100])
    notes = load(tmp_path).notes
    assert "left out: b.eval: was cut short: it has no header.json, and so no results" in notes
    assert "left out: c.eval: not an .eval file: File is not a zip file" in notes


def test_an_archive_whose_compression_is_damaged_is_named_with_what_is_wrong(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def damaged(file: Path) -> None:
        raise OSError("ZSTD decompression failed: Data corruption detected")

    archive(tmp_path / "a.eval", inspect("m", 0.5), 93)
    monkeypatch.setattr(archives, "header", damaged)
    with pytest.raises(WrongImport, match=r"^a.eval: ZSTD decompression failed: Data corruption detected$"):
        load(tmp_path)


def test_inspect_frames_say_what_their_logs_say(tmp_path: Path) -> None:
    rows = [{**frame_row("m0", 0.9), "score_judge_std": 0.1}, frame_row("m1", 0.2, "cancelled"), frame_row("m2", 0.8)]
    pl.DataFrame(rows, schema=sorted(rows[0])).write_csv(tmp_path / "evals.csv")
    found = load(tmp_path / "evals.csv")
    logs = {f"{name}.json": inspect(name, value) for name, value in (("m0", 0.9), ("m2", 0.8))}
    same = load(written(tmp_path / "logs", logs))
    assert found.values.select("harm/judge/accuracy").equals(same.values)
    assert found.models.equals(same.models)
    way = "name them under 'lower_is_better' or 'higher_is_better'"
    unknown = "1 measurement left out, as nothing says which way is better: 'harm/refusal/mean'; "
    assert f"{unknown}{way}" in found.notes
    told = load(tmp_path / "evals.csv", higher_is_better=("harm/refusal/*",))
    assert told.values["harm/refusal/mean"].to_list() == [0.7, 0.7]
    assert not [note for note in told.notes if "which way is better" in note]
    with pytest.raises(WrongImport) as caught:
        load(tmp_path / "evals.csv", safety=("harm/refusal/mean",))
    assert caught.value.faults == [f"spec.yaml: safety: nothing says which way 'harm/refusal/mean' is better; {way}"]
    with pytest.raises(WrongImport) as caught:
        load(tmp_path / "evals.csv", safety=("harm/ref*",))
    left = "no column is left to be measured: nothing says which way these are better: 'harm/refusal/mean'"
    assert caught.value.faults == [f"spec.yaml: {left}; {way}"]
    left = "row 2, m1: the status of this log is 'cancelled', and only a valid 'success' counts"
    assert f"left out: {left}" in found.notes
    with pytest.raises(WrongImport, match=f"^evals.csv: {left}$"):
        load(tmp_path / "evals.csv", strict=True)


def frame_row(model: str, value: float, status: str = "success") -> dict[str, Any]:
    headline = {"name": "judge", "metric": "accuracy", "value": value, "stderr": 0.02}
    return {
        "eval_id": model,
        "model": model,
        "task_name": "harm",
        "status": status,
        "completed_samples": 10,
        "epochs": 2,
        "created": "2026-11-26",
        "model_args": "{}",
        "score_judge_accuracy": value,
        "score_judge_stderr": 0.02,
        "score_refusal_mean": 0.7,
        "score_judge_std": None,
        **{f"score_headline_{name}": text for name, text in headline.items()},
    }


def test_a_log_of_no_items_is_named_and_the_others_go_in(tmp_path: Path) -> None:
    empty = inspect("o", 0.0)
    empty["results"]["completed_samples"] = 0
    found = load(written(tmp_path, {"a.json": inspect("m", 0.5), "b.json": empty}))
    assert found.models["model"].to_list() == ["m"]
    said = "0 is no number of items: those are whole and above 0"
    assert f"left out: b.json: 'harm/judge/accuracy': {said}" in found.notes


def test_where_and_how_fast_a_model_ran_makes_no_other_model(tmp_path: Path) -> None:
    files = {f"{place}.json": inspect("hf/m", 0.5) for place in ("a", "b")}
    for number, content in enumerate(files.values()):
        content["eval"]["task"] = f"task{number}"
        content["eval"]["model_args"] = {"device": f"cuda:{number}", "batch_size": number + 1, "seed": 1}
        content["eval"]["model_generate_config"] = {"max_connections": number + 1}
    assert load(written(tmp_path, files)).models["model"].to_list() == ["hf/m, seed=1"]


def test_checkpoints_are_known_wherever_their_revision_stands_among_the_arguments(tmp_path: Path) -> None:
    files = {f"{step}.json": inspect("hf/m", 0.5) for step in (1000, 2000)}
    for step, content in zip((1000, 2000), files.values(), strict=True):
        content["eval"]["model_args"] = {"seed": 1, "revision": f"step{step}", "peft": "x"}
    found = load(written(tmp_path, files))
    assert found.models["step"].to_list() == [1000, 2000]
    assert found.models["training"].to_list() == ["hf/m, seed=1, peft=x"] * 2


def test_a_row_of_inspects_frame_is_the_model_that_its_log_is(tmp_path: Path) -> None:
    about = {
        "model_args": {"device": "cuda:0", "seed": 1},
        "model_generate_config": {"max_connections": 8, "timeout": 9, "model_base_url": "x", "temperature": 0.5},
    }
    log = inspect("m", 0.9)
    log["eval"] |= about
    of_frame = inspect_frame.read({**frame_row("m", 0.9), **{name: json.dumps(said) for name, said in about.items()}})
    of_log = READERS["inspect"].read(tmp_path, log)
    assert (of_frame.identity, of_frame.run) == (of_log.identity, of_log.run)
    assert of_frame.run == {"model_base_url": "x", "temperature": "0.5"}


def test_a_parquet_frame_of_inspects_may_hold_lists_and_structures(tmp_path: Path) -> None:
    rows = [{**frame_row("m", 0.9), "tags": ["x"], "task_arg_of": {"a": 1}}]
    pl.DataFrame(rows).write_parquet(tmp_path / "evals.parquet")
    found = load(tmp_path / "evals.parquet")
    assert found.values["harm/judge/accuracy"].to_list() == [0.9]


def test_a_damaged_parquet_file_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def panics(path: Path) -> None:
        raise pl.exceptions.PanicException("range end index 9 out of range\nsecond line")

    (tmp_path / "t.parquet").write_bytes(b"PAR1")
    with pytest.raises(WrongImport, match=r"^t.parquet: not a Parquet file: "):
        load(tmp_path / "t.parquet")
    monkeypatch.setattr(pl, "read_parquet", panics)
    with pytest.raises(WrongImport, match=r"^t.parquet: not a Parquet file: range end index 9 out of range$"):
        load(tmp_path / "t.parquet")
