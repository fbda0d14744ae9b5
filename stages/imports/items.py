"""Scores of single items, as logs have them beside the value that is their mean."""

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import polars as pl

from analysis.pairs.item_scores import ROUNDED
from stages.imports.scores import Log, Score

Scores = Sequence[tuple[str, Any]]  # of each item its id, and its score


def with_items(log: Log, find: Callable[[Score], Scores | None]) -> Log:
    """The log with the items of each score for which there are any. A score that is not the mean of its items has none:
    it says so.
    """
    scores, remarks = [], []
    for score in log.scores:
        found = find(score)
        frame = _frame(found) if found else None
        if found and frame is None:
            remarks.append(f"{score.name!r}: its items have no number each, so that it is compared as a whole")
        if frame is not None and not is_mean(frame, score.value):
            remarks.append(f"{score.name!r}: not the mean over its items, so that it is compared as a whole")
            frame = None
        if frame is not None and (copies := int(frame["item"].is_duplicated().sum())):
            remarks.append(f"{score.name!r}: {copies} items share their id with another one, and are paired with none")
        scores.append(replace(score, items=frame))
    return replace(log, scores=tuple(scores), remarks=(*log.remarks, *remarks))


def is_mean(items: pl.DataFrame, value: Any) -> bool:
    """Whether a value is the mean of items, but for rounding."""
    try:
        return math.isclose(float(value), float(items["value"].mean()), rel_tol=ROUNDED, abs_tol=ROUNDED)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return False


def _frame(scores: Scores) -> pl.DataFrame | None:
    """The items, None where one has no finite number."""
    values = [float(value) if isinstance(value, (int, float)) else math.nan for _, value in scores]
    whole = all(map(math.isfinite, values))
    return pl.DataFrame({"item": [item for item, _ in scores], "value": values}) if whole else None
