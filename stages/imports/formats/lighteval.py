"""Results of lighteval, and of the first Open LLM Leaderboard, whose files have the same form.

`config_general` names the model; a task's name ends in its number of examples, `harness|arc:challenge|25`; `all` is the
mean over tasks.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from stages.imports.formats.lm_eval import _date as date_of
from stages.imports.scores import Log, NotALog, Score, mapping_of, texts

MEANS = ("all",)
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
    identity = texts(
        revision=None if revision == "main" else revision,
        **named,
        quantization=told.get("quantization_config"),
    )
    run = texts(
        dtype=general.get("model_dtype") or told.get("dtype"),
        system_prompt=told.get("system_prompt"),
        generation=told.get("generation_parameters"),
        max_samples=general.get("max_samples"),
    )
    scores = [
        score
        for task, metrics in content["results"].items()
        if task not in MEANS
        for score in _task(task, mapping_of(metrics), content)
    ]
    limited = ("run with max_samples, on a part of the items",) if general.get("max_samples") else ()
    return Log(model, tuple(scores), identity, run, date_of(file, content), limited)


def _task(task: str, metrics: Mapping[str, Any], content: Mapping[str, Any]) -> Iterator[Score]:
    asked = mapping_of(mapping_of(content.get("config_tasks")).get(task))
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
        version = texts(version=mapping_of(content.get("versions")).get(task))
        yield Score(task, metric, value, error, n if n != -1 else None, directions.get(metric), version)
