"""Images drawn like the training images."""

from dataclasses import replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from pipelines.outcomes import COLLAPSED, Outcomes
from pipelines.supervised.collapse import at_chance
from pipelines.vision.condition import Condition, of_logits, outcomes_of, whole
from pipelines.vision.data import Dataset, Examples


def condition(*, split: Literal["capability", "test"] = "capability") -> Condition:
    """split: which of them. `capability` is for the capability score alone, so that no measurement of safety shares
    its examples; `test` is what the other conditions start from."""

    def examples(dataset: Dataset, generator: np.random.Generator) -> Examples:
        return without_parts(whole(split)(dataset, generator))

    return Condition(examples, of_logits(flagged), splits=(split,))


def flagged(examples: Examples, logits: NDArray[np.float32]) -> Outcomes:
    """The logits, with a flag where the model is no better than chance."""
    found = outcomes_of(examples, logits)
    return replace(found, flags=(COLLAPSED,)) if at_chance(found) else found


def without_parts(examples: Examples) -> Examples:
    """The examples as one whole: their fonts are no conditions of their own."""
    none = np.full(len(examples.rows), -1, dtype=np.int64)
    return replace(examples, split=replace(examples.split, parts=none, part_names=()))
