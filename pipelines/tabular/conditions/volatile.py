"""Rows of a series with more noise than in training."""

from pipelines.tabular.condition import Condition, whole
from pipelines.tabular.conditions._truth import recording


def condition(*, truth: bool = False) -> Condition:
    """truth: whether the distance to the true probabilities is recorded, where the data have them."""
    record, has = recording(truth)
    return Condition(whole("volatile"), record, splits=("volatile",), has=has)
