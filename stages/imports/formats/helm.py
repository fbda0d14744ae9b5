"""Runs of HELM (Liang et al. 2023): a folder for each, with `stats.json`, and `run_spec.json`, which names the model.

A statistic is a mean over the run's trials, of a split, and of a perturbation where there is one. Those of the test
split count, of the validation split where there is no other. What HELM counts and times (tokens, seconds, ends of
generations) is no score.
"""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from stages.imports.scores import Log, NotALog, Score, mapping_of, texts

BESIDE = (
    *("run_spec.json", "scenario.json", "scenario_state.json", "per_instance_stats.json", "instances.json"),
    *("display_predictions.json", "display_requests.json"),
)
BOOKKEEPING = re.compile(
    r"num_|finish_reason_|inference_|training_|batch_size|prompt_truncated|max_prob$|.*(?:runtime|_cost)$|estimated_"
)


def recognises(file: Path, content: Any) -> bool:
    """Whether it is a list of statistics."""
    first = content[0] if isinstance(content, list) and content else None
    return isinstance(first, dict) and isinstance(first.get("name"), dict) and {"count", "sum"} <= set(first)


def read(file: Path, content: Any) -> Log:
    """What the statistics of one run say."""
    try:
        asked = json.loads(file.with_name("run_spec.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise NotALog("has no run_spec.json beside it, which names the model") from error
    adapter = mapping_of(asked["adapter_spec"])
    model = adapter["model"]
    if not isinstance(model, str):
        raise NotALog("names no model ('adapter_spec.model' in run_spec.json)")
    run = texts(deployment=adapter.get("model_deployment"), temperature=adapter.get("temperature"))
    settings = texts(num_fewshot=adapter.get("max_train_instances"))
    scores = tuple(_scores(_task(asked["name"]), content, settings))
    return Log(model, scores, {}, run)


def _task(name: str) -> str:
    """A run's name without its model: `mmlu:subject=anatomy`."""
    task, _, arguments = name.partition(":")
    kept = [part for part in arguments.split(",") if part and not part.startswith(("model=", "model_deployment="))]
    return f"{task}:{','.join(kept)}" if kept else task


def _scores(task: str, content: Any, settings: Mapping[str, str]) -> Iterator[Score]:
    names = [mapping_of(one["name"]) for one in content]
    split = "test" if any(name.get("split") == "test" for name in names) else "valid"
    items = {
        _perturbation(name): one.get("mean")
        for name, one in zip(names, content, strict=True)
        if name.get("name") == "num_instances" and name.get("split") == split
    }
    for name, one in zip(names, content, strict=True):
        metric = str(name["name"])
        if name.get("split") != split or BOOKKEEPING.match(metric) or not one["count"] or name.get("sub_split"):
            continue
        changed = _perturbation(name)
        shown = f"{metric} ({changed})" if changed else metric
        yield Score(task, shown, one["mean"], None, items.get(changed), None, settings)


def _perturbation(name: Mapping[str, Any]) -> str:
    told = mapping_of(name.get("perturbation"))
    return " ".join(str(told[part]) for part in ("name", "computed_on") if told.get(part))
