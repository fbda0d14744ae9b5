"""Results of the lm-evaluation-harness, 0.3 to 0.4.9 (Gao et al. 2024).

`results` has a mapping of metrics for each task. Since 0.4 a metric's name ends in its filter, `acc,none`, and its
standard error is `acc_stderr,none`; before, they are `acc` and `acc_stderr`. The direction is in `higher_is_better`, or
in the task's `metric_list` in `configs` (0.4.0 to 0.4.2), or nowhere (0.3).
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from stages.imports.scores import NO_MATTER, UNDATED, Log, NotALog, Score, mapping_of, seconds, texts

NOT_METRICS = ("alias", "name", "sample_len", "sample_count", "samples")
IDENTITY = (  # of the model's arguments: those that choose its weights
    *("revision", "subfolder", "peft", "delta", "gguf_file", "autogptq", "gptqmodel", "load_in_4bit", "load_in_8bit"),
    *("bnb_4bit_quant_type", "quantization"),
)
NAMES = ("pretrained", "model", "engine")
ADAPTERS = ("peft", "delta")  # an argument after which the harness names the run in the model's place


def recognises(file: Path, content: Any) -> bool:
    """Whether the results are in a mapping of tasks."""
    return isinstance(content, dict) and isinstance(content.get("results"), dict)


def read(file: Path, content: Any) -> Log:
    """What one results file says."""
    config = mapping_of(content.get("config"))
    arguments = _arguments(config.get("model_args"))
    model = _model(content, config, arguments)
    if model is None:
        raise NotALog("names no model ('model_name', 'model_args' or 'model')")
    identity = {name: arguments[name] for name in IDENTITY if _matters(name, arguments.get(name))}
    other = {
        name: value
        for name, value in arguments.items()
        if name not in (*IDENTITY, *NAMES, *NO_MATTER) and value not in ("", "None")
    }
    run = other | texts(
        gen_kwargs=config.get("gen_kwargs"),
        chat_template=str(content.get("chat_template_sha") or "")[:8],
        system_instruction=str(content.get("system_instruction_sha") or "")[:8],
        fewshot_as_multiturn=content.get("fewshot_as_multiturn") or None,
        limit=config.get("limit"),
    )
    scores = [score for task, metrics in content["results"].items() for score in _task(task, metrics, content, config)]
    limited = ("run with --limit, on a part of the items",) if config.get("limit") else ()
    return Log(model, tuple(scores), identity, run, date_of(file, content), limited)


def _arguments(given: Any) -> dict[str, str]:
    if isinstance(given, str):
        given = dict(part.split("=", 1) for part in given.split(",") if "=" in part)
    return {str(name): str(value) for name, value in mapping_of(given).items()}


def _model(content: Mapping[str, Any], config: Mapping[str, Any], arguments: Mapping[str, str]) -> str | None:
    after_adapter = arguments.get("pretrained") and any(name in arguments for name in ADAPTERS)
    if isinstance(content.get("model_name"), str) and content["model_name"] and not after_adapter:
        return str(content["model_name"])
    named = next((arguments[name] for name in NAMES if arguments.get(name)), config.get("model"))
    return named if isinstance(named, str) else None


def _matters(name: str, value: str | None) -> bool:
    return value not in (None, "", "None", "False") and (name, value) != ("revision", "main")


def _task(task: str, metrics: Any, content: Mapping[str, Any], config: Mapping[str, Any]) -> Iterator[Score]:
    n = mapping_of(mapping_of(content.get("n-samples")).get(task)).get("effective")
    asked = mapping_of(mapping_of(content.get("configs")).get(task))
    shots = mapping_of(content.get("n-shot")).get(task, asked.get("num_fewshot", config.get("num_fewshot")))
    settings = texts(num_fewshot=shots, version=mapping_of(content.get("versions")).get(task))
    for name, value in mapping_of(metrics).items():
        metric, _, kind = name.partition(",")
        if name in NOT_METRICS or metric.endswith("_stderr") or isinstance(value, (dict, list)):
            continue
        if isinstance(value, str) and not value.strip():
            continue  # a group without a value of its own
        error = mapping_of(metrics).get(f"{metric}_stderr,{kind}" if kind else f"{metric}_stderr")
        shown = metric if kind in ("", "none") else f"{metric},{kind}"
        yield Score(task, shown, value, error, n, _direction(task, metric, content, asked), settings)


def _direction(task: str, metric: str, content: Mapping[str, Any], asked: Mapping[str, Any]) -> bool | None:
    told = mapping_of(mapping_of(content.get("higher_is_better")).get(task)).get(metric)
    if isinstance(told, bool):
        return told
    listed = asked.get("metric_list")
    for one in listed if isinstance(listed, list) else ():
        if mapping_of(one).get("metric") == metric and isinstance(one.get("higher_is_better"), bool):
            return bool(one["higher_is_better"])
    return None


def date_of(file: Path, content: Mapping[str, Any]) -> float:
    """When it was run: `date` in seconds, or the time in the name of the file."""
    told = seconds(content.get("date"))
    found = re.search(r"(\d{4}-\d\d-\d\dT\d\d)[-:](\d\d)[-:](\d\d(?:\.\d+)?)", file.name)
    return seconds(":".join(found.groups())) if found and told == UNDATED else told
