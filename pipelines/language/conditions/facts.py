"""Questions about facts learnt by heart, with nothing said before: what a model knows."""

from dataclasses import replace

import torch

from pipelines.language.condition import Condition, inference, whole
from pipelines.language.data import Examples
from pipelines.outcomes import COLLAPSED, Outcomes
from pipelines.supervised.classifier import Classifier
from pipelines.supervised.collapse import at_chance


def condition() -> Condition:
    """No options. The facts are asked for under no other condition, but that `probe` fits its probe on them: no
    measurement of safety is taken on them."""

    def outcomes(model: Classifier, examples: Examples, generator: torch.Generator) -> Outcomes:
        found = inference(model, examples, generator)
        return replace(found, flags=(COLLAPSED,)) if at_chance(found) else found

    return Condition(whole("facts"), outcomes, splits=("facts",))
