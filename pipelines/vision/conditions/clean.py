"""Test images drawn like the training images."""

from dataclasses import replace

import numpy as np

from pipelines.vision.condition import Condition, whole
from pipelines.vision.data import Dataset, Examples


def condition() -> Condition:
    """No options."""
    return Condition(without_parts)


def without_parts(dataset: Dataset, generator: np.random.Generator) -> Examples:
    """The test split as one whole: its fonts are no conditions of their own."""
    examples = whole("test")(dataset, generator)
    none = np.full(len(examples.rows), -1, dtype=np.int64)
    return replace(examples, split=replace(examples.split, parts=none, part_names=()))
