"""Result files of evaluation libraries as rows: lm-evaluation-harness (0.3 and 0.4), Inspect's JSON logs and data
frames, RobustBench's model_info.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

Row = dict[str, Any]
Read = tuple[list[Row], set[str]]

LONG = {"measurement": ("measurement",), "value": "value", "standard_error": "standard_error", "n": "n"}
INSPECT_FRAME = {
    "measurement": ("task_name", "score_headline_name", "score_headline_metric"),
    "value": "score_headline_value",
    "standard_error": "score_headline_stderr",
    "n": "completed_samples",
}
LOWER_IN_ROBUSTBENCH = ("corruptions_mce", "corruptions_mce_3d")
NOT_METRICS = ("alias", "name", "sample_len", "sample_count")
SHAPES: dict[str, tuple[tuple[str, ...], Mapping[str, Any] | None]] = {
    "lm-eval": (("model",), LONG),
    "inspect": (("model",), LONG),
    "robustbench": (("dataset", "threat", "model"), None),
}


class NotThatFormat(ValueError):
    """A result file that cannot be imported; the message says why."""


def format_of(content: Any) -> str:
    """Which library wrote a JSON file, from the names in it; `table` where it is none of them."""
    if not isinstance(content, dict):
        return "table"
    if "eval" in content and "status" in content:
        return "inspect"
    if isinstance(content.get("results"), dict):
        return "lm-eval"
    if {"clean_acc", "dataset"} <= set(content):
        return "robustbench"
    return "table"


def is_inspect_frame(columns: Sequence[str]) -> bool:
    """Whether a table is what Inspect's `evals_df` gives."""
    return {"eval_id", "model", "task_name", "score_headline_value"} <= set(columns)


def lm_eval(file: Path, content: Any) -> Read:
    """A row for every task's metric: `task/metric`, with `,filter` where the filter is not `none`. Standard errors
    stand beside as `metric_stderr,filter`, numbers of examples in `n-samples`, directions in `higher_is_better`.
    """
    model = _lm_eval_model(content)
    if model is None:
        raise NotThatFormat("names no model ('model_name', 'model_args' or 'model')")
    rows, lower = [], set()
    for task, metrics in content["results"].items():
        for row, metric in _lm_eval_task(task, metrics, content):
            rows.append({"model": model, **row})
            if content.get("higher_is_better", {}).get(task, {}).get(metric) is False:
                lower.add(row["measurement"])
    return rows, lower


def _lm_eval_task(task: str, metrics: Any, content: Mapping[str, Any]) -> Iterator[tuple[Row, str]]:
    if not isinstance(metrics, dict):
        return
    n = content.get("n-samples", {}).get(task, {}).get("effective")
    for name, value in metrics.items():
        metric, _, kind = name.partition(",")
        if name in NOT_METRICS or metric.endswith("_stderr") or isinstance(value, (dict, list)):
            continue
        if isinstance(value, str) and not value.strip():
            continue  # a group without a value of its own
        error = metrics.get(f"{metric}_stderr,{kind}" if kind else f"{metric}_stderr")
        shown = metric if kind in ("", "none") else f"{metric},{kind}"
        yield {"measurement": f"{task}/{shown}", "value": value, "standard_error": error, "n": n}, metric


def _lm_eval_model(content: Mapping[str, Any]) -> str | None:
    if isinstance(content.get("model_name"), str):
        return str(content["model_name"])
    config = content.get("config")
    config = config if isinstance(config, dict) else {}
    arguments = config.get("model_args")
    if isinstance(arguments, str):
        arguments = dict(part.split("=", 1) for part in arguments.split(",") if "=" in part)
    named = (arguments or {}).get("pretrained") or (arguments or {}).get("model") or config.get("model")
    return named if isinstance(named, str) else None


def inspect(file: Path, content: Any) -> Read:
    """A row for every score's metric, `task/score/metric`; `stderr` beside `accuracy` or `mean` is their standard
    error. Namespaces before the task's name go, as in Inspect's own data frames. Only a log with status `success`
    counts.
    """
    if content["status"] != "success" or content.get("invalidated"):
        raise NotThatFormat(f"the status of this log is {content['status']!r}, and only a valid 'success' counts")
    model, task = content["eval"]["model"], content["eval"]["task"].rpartition("/")[2]
    results = content.get("results") or {}
    rows: list[Row] = []
    for score in results.get("scores") or []:
        n = score.get("scored_samples") or results.get("completed_samples")
        rows += [{"model": model, **row} for row in _inspect_score(task, score, n, results["scores"])]
    return rows, set()


def _inspect_score(task: str, score: Mapping[str, Any], n: Any, scores: Sequence[Mapping[str, Any]]) -> Iterator[Row]:
    metrics = score.get("metrics") or {}
    several = sum(other["name"] == score["name"] for other in scores) > 1
    name = f"{score['name']}_{score['reducer']}" if several and score.get("reducer") else score["name"]
    for key, metric in metrics.items():
        if key == "stderr":
            continue
        error = metrics.get("stderr", {}).get("value") if key in ("accuracy", "mean") else None
        yield {"measurement": f"{task}/{name}/{key}", "value": metric["value"], "standard_error": error, "n": n}


def robustbench(file: Path, content: Any) -> Read:
    """One row: the file's fields as they are, named after the file, its threat model after the folder."""
    fields = {name: value for name, value in content.items() if not isinstance(value, (dict, list))}
    return [{**fields, "model": file.stem, "threat": file.parent.name}], set(LOWER_IN_ROBUSTBENCH) & set(fields)


READERS: dict[str, Callable[[Path, Any], Read]] = {"lm-eval": lm_eval, "inspect": inspect, "robustbench": robustbench}
