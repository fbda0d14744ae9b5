"""Data frames of Inspect's `evals_df`: a row for each log, a column `score_<scorer>_<metric>` for each metric."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from stages.imports.formats.inspect import BOUNDS, ERRORS, MEANS, SPREADS, identity_of, run_of
from stages.imports.scores import Log, NotALog, Score, mapping_of, seconds, texts

HEADLINE = "score_headline_"


def recognises(columns: Sequence[str]) -> bool:
    """Whether a table is of this kind."""
    return {"eval_id", "model", "task_name", f"{HEADLINE}value"} <= set(columns)


def read(row: Mapping[str, str | None]) -> Log:
    """What one row says, as its log would."""
    status = row.get("status") or "success"
    if status != "success":
        raise NotALog(f"the status of this log is {status!r}, and only a valid 'success' counts")
    identity = identity_of(_mapping(row.get("model_args")))
    run = run_of(row.get("model_base_url"), _mapping(row.get("model_generate_config")))
    return Log(str(row["model"] or ""), tuple(_scores(row)), identity, run, seconds(row.get("created")))


def _scores(row: Mapping[str, str | None]) -> Iterator[Score]:
    arguments = {name.removeprefix("task_arg_"): text for name, text in row.items() if name.startswith("task_arg_")}
    version = row.get("task_version")
    settings = texts(**arguments, version=version)
    task, n = row["task_name"] or "", _items(row)
    told = {name.removeprefix("score_"): text for name, text in row.items() if name.startswith("score_") and text}
    told = {name: text for name, text in told.items() if not name.startswith("headline_")}
    for name, text in told.items():
        scorer, _, metric = name.rpartition("_")
        bound = metric in BOUNDS and all(f"{scorer}_{other}" in told for other in BOUNDS)
        if name.endswith(tuple(f"_{other}" for other in (*ERRORS, *SPREADS))) or bound or not scorer:
            continue
        error = next((told[f"{scorer}_{of}"] for of in ERRORS if f"{scorer}_{of}" in told), None)
        yield Score(task, f"{scorer}/{metric}", text, error if metric in MEANS else None, n, None, settings)
    scorer, metric = row.get(f"{HEADLINE}name") or "", row.get(f"{HEADLINE}metric") or ""
    alone = not any(name.startswith(f"{scorer}_") and name.endswith(f"_{metric}") for name in told)
    if row.get(f"{HEADLINE}value") and alone:
        value, error = row[f"{HEADLINE}value"], row.get(f"{HEADLINE}stderr")
        yield Score(task, f"{scorer}/{metric}", value, error, n, None, settings)


def _items(row: Mapping[str, str | None]) -> object:
    """The number of items: samples that were completed, over epochs."""
    completed, epochs = row.get("completed_samples"), row.get("epochs")
    try:
        whole = float(completed or "") / float(epochs or 1)
    except (ValueError, ZeroDivisionError):
        return completed
    return int(whole) if whole.is_integer() else completed


def _mapping(text: str | None) -> dict[str, Any]:
    try:
        return dict(mapping_of(json.loads(text))) if text else {}
    except ValueError:
        return {"args": text}
