"""Models of a study as runs of MLflow: one for each, or, where they are many, one for as many as a request takes.

MLflow takes some twenty milliseconds and seven commits for each run, and as long for one with hundreds of values.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from stages.store.keys import digest
from stages.tracking import METRICS_A_CALL, PARAMS_A_CALL
from stages.tracking_run import Logged

FEW = 200  # models of a study, each of which has a run of its own
LONGEST = 5000  # characters of what is known of a model: MLflow takes 6000
MODEL = "model."  # of a parameter that holds what is known of one model


def batches(runs: Sequence[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    """The runs that hold these models: name, params, metrics and key of each."""
    if len(runs) <= FEW or any(len(_text(run)) > LONGEST for run in runs):
        for run in runs:
            yield {"name": run["model"], "params": run["about"], "metrics": run["metrics"], "key": run["run_key"]}
        return
    most = max(len(run["metrics"]) for run in runs)
    size = max(1, min(METRICS_A_CALL // max(most, 1), PARAMS_A_CALL - 1))
    for first, batch in enumerate(_parts(runs, size)):
        numbered = {f"{place:03d}": run for place, run in enumerate(batch)}
        yield {
            "name": f"models {first * size + 1} to {first * size + len(batch)}",
            "params": {f"{MODEL}{number}": _text(run) for number, run in numbered.items()},
            "metrics": {
                f"{number}/{name}": value for number, run in numbered.items() for name, value in run["metrics"].items()
            },
            "key": digest([run["run_key"] for run in batch]),
        }


def models_in(run: Logged) -> Iterator[tuple[Mapping[str, str], Mapping[str, float]]]:
    """What is known of each model of a run, and its metrics."""
    numbers = sorted(name.removeprefix(MODEL) for name in run.params if name.startswith(MODEL))
    if not numbers:
        yield run.params, run.metrics
        return
    metrics: dict[str, dict[str, float]] = {number: {} for number in numbers}
    for key, value in run.metrics.items():
        number, _, name = key.partition("/")
        metrics[number][name] = value
    for number in numbers:
        yield json.loads(run.params[f"{MODEL}{number}"]), metrics[number]


def _text(run: Mapping[str, Any]) -> str:
    return json.dumps(run["about"], ensure_ascii=False)


def _parts(runs: Iterable[Mapping[str, Any]], size: int) -> Iterator[list[Mapping[str, Any]]]:
    remaining = iter(runs)
    while part := list(islice(remaining, size)):
        yield part
