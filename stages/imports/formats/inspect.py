"""Logs of Inspect (UK AI Security Institute 2024), as .json or as .eval, and the folders of its eval sets.

A log has a status, of which only `success` counts, and scores: for each scorer, and each reducer of epochs, a mapping
of metrics. `stderr` is the standard error of the mean or accuracy beside it; bounds of an interval stand in a group.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from scipy.stats import t as student

from stages.imports.scores import NO_MATTER, Log, NotALog, Score, mapping_of, seconds, texts

BESIDE = ("eval-set.json", "logs.json", "listing.json")  # what Inspect writes into a folder of logs for itself
MEANS = ("accuracy", "mean")
ERRORS = ("stderr", "bootstrap_stderr")
BOUNDS, INTERVALS = ("lower", "upper"), ("ci", "ci_wilson")
SPREADS = ("std", "var")


def recognises(file: Path, content: Any) -> bool:
    """Whether there is an evaluation with a status, or it is a file of an eval set."""
    return isinstance(content, dict) and ("eval" in content and "status" in content)


def read(file: Path, content: Any) -> Log:
    """What one log says. Namespaces before the task's name go, as in Inspect's own data frames."""
    if content["status"] != "success" or content.get("invalidated"):
        status = "invalidated" if content["status"] == "success" else content["status"]
        raise NotALog(f"the status of this log is {status!r}, and only a valid 'success' counts")
    about = content["eval"]
    config = mapping_of(about.get("config"))
    identity = identity_of(mapping_of(about.get("model_args")))
    run = run_of(about.get("model_base_url"), mapping_of(about.get("model_generate_config")))
    run |= texts(limit=config.get("limit"), epochs=None if config.get("epochs") == 1 else config.get("epochs"))
    limited = ("run with a limit, on a part of the items",) if config.get("limit") else ()
    return Log(about["model"], tuple(_scores(content)), identity, run, seconds(about.get("created")), limited)


def identity_of(arguments: Mapping[str, Any]) -> dict[str, str]:
    """The arguments of a model, but for where and how fast it ran."""
    return {str(name): str(value) for name, value in arguments.items() if value and name not in NO_MATTER}


def run_of(base_url: object, generation: Mapping[str, Any]) -> dict[str, str]:
    """Where a model was asked, and what of the way in which it generates can change an answer."""
    kept = {name: value for name, value in generation.items() if name not in NO_MATTER}
    return texts(**{"model_base_url": base_url} | kept)


def _scores(content: Mapping[str, Any]) -> Iterator[Score]:
    about, results = content["eval"], mapping_of(content.get("results"))
    namespace, _, task = about["task"].rpartition("/")
    version = about.get("task_version")
    settings = texts(namespace=namespace, task_args=about.get("task_args"), version=version)
    scores = results.get("scores") or []
    epochs = mapping_of(about.get("config")).get("epochs")
    completed = results.get("completed_samples")
    items = completed // epochs if isinstance(completed, int) and isinstance(epochs, int) and epochs > 0 else completed
    for score in scores:
        name = shown(score, scores)
        n = score.get("scored_samples") or items
        metrics = mapping_of(score.get("metrics"))
        for key, metric in metrics.items():
            if key in (*ERRORS, *SPREADS) or _bound(key, metric):
                continue
            error = _error(metrics, n, _interval(about, score)) if key in MEANS else None
            yield Score(task, f"{name}/{key}", metric["value"], error, n, None, settings)


def shown(score: Mapping[str, Any], scores: Sequence[Mapping[str, Any]]) -> str:
    """The name of a scorer, with the reducer where several are told apart by it."""
    several = sum(other["name"] == score["name"] for other in scores) > 1
    return f"{score['name']}_{score['reducer']}" if several and score.get("reducer") else str(score["name"])


def _error(metrics: Mapping[str, Any], n: Any, interval: Mapping[str, Any]) -> Any:
    """The standard error of a mean: as it is, or from the bounds that `ci()` gives, mean ± t x standard error."""
    for name in ERRORS:
        if name in metrics:
            return metrics[name]["value"]
    ends = {_bound(key, metric): metric["value"] for key, metric in metrics.items() if metric.get("group") == "ci"}
    plain = interval.get("method", "t") == "t" and not interval.get("cluster")
    if not plain or not set(BOUNDS) <= set(ends) or not isinstance(n, int) or n < 2:
        return None
    lower, upper = (float(str(ends[name])) for name in BOUNDS)
    error = (upper - lower) / 2 / float(student.ppf((1 + float(interval.get("level", 0.95))) / 2, n - 1))
    return error if math.isfinite(error) else None


def _bound(key: str, metric: Mapping[str, Any]) -> str:
    """Which bound of an interval a metric is: `lower`, or `ci_lower` of a scorer with several values; else nothing."""
    name = key.rpartition("_")[2]
    return name if name in BOUNDS and metric.get("group") in INTERVALS else ""


def _interval(about: Mapping[str, Any], score: Mapping[str, Any]) -> Mapping[str, Any]:
    """The options of a scorer's `ci()`."""
    for scorer in about.get("scorers") or ():
        metrics = scorer.get("metrics")
        metrics = metrics.get(score.get("name")) if isinstance(metrics, dict) else metrics
        if scorer.get("name") == score.get("scorer") and isinstance(metrics, list):
            for metric in map(mapping_of, metrics):
                if str(metric.get("name")).rpartition("/")[2] == "ci":
                    return mapping_of(metric.get("options"))
    return {}
