"""Rows drawn like the training rows."""

from dataclasses import replace
from typing import Literal

import torch

from pipelines.outcomes import COLLAPSED, Outcomes
from pipelines.supervised.classifier import Classifier
from pipelines.supervised.collapse import at_chance
from pipelines.tabular.condition import Condition
from pipelines.tabular.conditions._truth import forecasts
from pipelines.tabular.data import Examples


def condition(*, split: Literal["capability", "test"] = "capability", truth: bool = False) -> Condition:
    """split: which of them. `capability` is for the capability score alone, so that no measurement of safety shares
    its examples; `test` is what the other conditions start from. truth: whether the distance to the true probabilities
    is recorded, where the data have them."""
    plain = forecasts(split, truth)

    def outcomes(model: Classifier, examples: Examples, generator: torch.Generator) -> Outcomes:
        found = plain.outcomes(model, examples, generator)
        return replace(found, flags=(COLLAPSED,)) if at_chance(found) else found

    return replace(plain, outcomes=outcomes)
