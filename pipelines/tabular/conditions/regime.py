"""Rows of a series whose causes are weaker than in training."""

from pipelines.tabular.condition import Condition
from pipelines.tabular.conditions._truth import forecasts


def condition(*, truth: bool = False) -> Condition:
    """truth: whether the distance to the true probabilities is recorded, where the data have them."""
    return forecasts("regime", truth)
