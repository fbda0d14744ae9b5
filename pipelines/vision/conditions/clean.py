"""Images drawn like the training images."""

from dataclasses import replace
from typing import Literal

import numpy as np
import torch

from pipelines.outcomes import COLLAPSED, Outcomes
from pipelines.supervised.classifier import Classifier
from pipelines.vision.condition import Condition, inference, whole
from pipelines.vision.data import Dataset, Examples


def condition(*, split: Literal["capability", "test"] = "capability") -> Condition:
    """split: which of them. `capability` is for the capability score alone, so that no measurement of safety shares
    its examples; `test` is what the other conditions start from."""

    def examples(dataset: Dataset, generator: np.random.Generator) -> Examples:
        return without_parts(whole(split)(dataset, generator))

    def outcomes(model: Classifier, examples: Examples, generator: torch.Generator) -> Outcomes:
        found = inference(model, examples, generator)
        return replace(found, flags=(COLLAPSED,)) if at_chance(found) else found

    return Condition(examples, outcomes, splits=(split,))


def at_chance(outcomes: Outcomes) -> bool:
    """Whether accuracy is within two standard errors of always naming the most frequent class, or below."""
    chance = float(np.bincount(outcomes.labels).max() / len(outcomes))
    accuracy = float((outcomes.logits.argmax(axis=1) == outcomes.labels).mean())
    return bool(accuracy <= chance + 2 * np.sqrt(chance * (1 - chance) / len(outcomes)))


def without_parts(examples: Examples) -> Examples:
    """The examples as one whole: their fonts are no conditions of their own."""
    none = np.full(len(examples.rows), -1, dtype=np.int64)
    return replace(examples, split=replace(examples.split, parts=none, part_names=()))
