"""Results of lighteval, and of the first Open LLM Leaderboard, whose files have the same form.

`config_general` names the model; a task's name ends in its number of examples, `harness|arc:challenge|25`, but not
always where the task is described; `mmlu:_average` is the mean over the parts of a task, `all` that over tasks.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from stages.imports.formats.lm_eval import date_of
from stages.imports.scores import Log, NotALog, Score, mapping_of, quantised, texts

MEANS = ("all",)
AVERAGE = ":_average"
ADAPTERS = ("adapter", "delta")  # models whose name is that of the weights put on a base model


def recognises(file: Path, content: Any) -> bool:
    """Whether there are results and a general configuration."""
    return isinstance(content, dict) and {"config_general", "results"} <= set(content)


def read(file: Path, content: Any) -> Log:
    """What one results file says; the mean over all its tasks, whatever they are, is left out."""
    general = mapping_of(content["config_general"])
    told = mapping_of(general.get("model_config"))
    model = general.get("model_name") or told.get("model_name") or told.get("pretrained")
    if not isinstance(model, str):
        raise NotALog("names no model ('config_general.model_name')")
    adapter = next((name for name in ADAPTERS if told.get(f"{name}_weights")), None)
    named = {adapter: model} if adapter else {}
    model = told.get("base_model") if adapter else model
    if not isinstance(model, str):
        raise NotALog("names no base of its adapter ('config_general.model_config.base_model')")
    revision = told.get("revision")
    number_format = general.get("model_dtype") or told.get("dtype")
    identity = texts(
        revision=None if revision == "main" else revision,
        **named,
        quantization=told.get("quantization_config"),
        dtype=quantised(number_format),
    )
    run = texts(
        dtype=None if quantised(number_format) else number_format,
        system_prompt=told.get("system_prompt"),
        generation=told.get("generation_parameters"),
        max_samples=general.get("max_samples"),
    )
    scores = tuple(_scores(content))
    limited = ("run with max_samples, on a part of the items",) if general.get("max_samples") else ()
    return Log(model, scores, identity, run, date_of(file, content), limited)


def _scores(content: Mapping[str, Any]) -> Iterator[Score]:
    results = {task: mapping_of(metrics) for task, metrics in content["results"].items() if task not in MEANS}
    found = {task: list(_task(task, metrics, content)) for task, metrics in results.items()}
    for task, scores in found.items():
        start, average, end = task.partition(AVERAGE)
        parts = [of for of in found if average and of.startswith(f"{start}:") and of.endswith(end) and of != task]
        for score in scores:
            of_parts = [one for part in parts for one in found[part] if one.metric == score.metric]
            yield _mean(score, of_parts) if average else score


def _task(task: str, metrics: Mapping[str, Any], content: Mapping[str, Any]) -> Iterator[Score]:
    asked = mapping_of(_of_task(content.get("config_tasks"), task))
    listed = asked.get("metrics") or asked.get("metric")
    directions = {
        str(one.get("metric_name")): one["higher_is_better"]
        for one in (listed if isinstance(listed, list) else ())
        if isinstance(mapping_of(one).get("higher_is_better"), bool)
    }
    for metric, value in metrics.items():
        if metric.endswith("_stderr") or isinstance(value, (dict, list)):
            continue
        error, n = metrics.get(f"{metric}_stderr"), asked.get("effective_num_docs")
        version = texts(version=_of_task(content.get("versions"), task))
        yield Score(task, metric, value, error, n if n != -1 else None, directions.get(metric), version)


def _of_task(told: Any, task: str) -> Any:
    """What is told of a task, by its name with or without its number of examples."""
    return mapping_of(told).get(task, mapping_of(told).get(task.rpartition("|")[0]))


def _mean(score: Score, of: Sequence[Score]) -> Score:
    """The mean over the parts of a task. Lighteval writes the mean of their errors beside it, which is not its own."""
    errors = [one.standard_error for one in of if isinstance(one.standard_error, (int, float))]
    items = [one.n for one in of if isinstance(one.n, int)]
    ways = {one.higher_is_better for one in of}
    versions = {one.settings.get("version") for one in of}
    return replace(
        score,
        standard_error=math.hypot(*errors) / len(of) if of and len(errors) == len(of) else None,
        n=sum(items) if of and len(items) == len(of) else None,
        higher_is_better=ways.pop() if len(ways) == 1 else None,
        settings=texts(version=versions.pop() if len(versions) == 1 else None),
    )
