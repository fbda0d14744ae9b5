"""Every Eval Ever: the shared schema of the EvalEval Coalition (2026), one file for each model and evaluation.

The direction of each score, its range and, where it is known, its standard error are in the file.
"""

from pathlib import Path
from typing import Any

from stages.imports.scores import Log, Score, mapping_of, quantised, seconds, texts


def recognises(file: Path, content: Any) -> bool:
    """Whether there is a version of the schema, and results."""
    return isinstance(content, dict) and {"schema_version", "evaluation_results", "model_info"} <= set(content)


def read(file: Path, content: Any) -> Log:
    """What one file says. Scores of the same name from different sources are told apart by their source."""
    model = content["model_info"]
    details = mapping_of(model.get("additional_details"))
    engine = mapping_of(model.get("inference_engine"))
    precision = details.get("precision")
    identity = texts(precision=quantised(precision))
    run = texts(
        platform=model.get("inference_platform"),
        engine=engine.get("name"),
        precision=None if identity else precision,
        library=mapping_of(content.get("eval_library")).get("name"),
        source=mapping_of(content.get("source_metadata")).get("source_name"),
    )
    date = seconds(content.get("evaluation_timestamp") or content.get("retrieved_timestamp"))
    scores = [_score(one) for one in content["evaluation_results"]]
    return Log(model.get("id") or model["name"], tuple(scores), identity, run, date)


def _score(one: Any) -> Score:
    config, details = mapping_of(one.get("metric_config")), mapping_of(one["score_details"])
    uncertainty = mapping_of(details.get("uncertainty"))
    lower = config.get("lower_is_better")
    levels = config.get("score_type") == "levels" and config.get("has_unknown_level") and details["score"] == -1
    dataset, metric = mapping_of(one.get("source_data")).get("dataset_name"), config.get("metric_name")
    name = str(one["evaluation_name"])
    low, high = config.get("min_score"), config.get("max_score")
    shown = f"{dataset}/{name}" if dataset and dataset != name else name
    return Score(
        shown,
        str(metric or ""),
        None if levels else details["score"],
        mapping_of(uncertainty.get("standard_error")).get("value"),
        uncertainty.get("num_samples"),
        not lower if isinstance(lower, bool) else None,
        range=None if low is None or high is None else (float(low), float(high)),
    )
