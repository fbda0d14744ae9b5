"""Images of one known class, even blends of two, and outliers, with the uncertainty of each split into what is in the
image and what the model has not learned (Depeweg et al. 2018, arXiv 1710.07283).

The values of each example are those of `_members.py`. A blend's label is its first class, its group the second; an
image of one class has no group. Half of the test images are shown as they are, the other half blended.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

import numpy as np
import torch

from pipelines.outcomes import Outcomes
from pipelines.supervised.classifier import Classifier
from pipelines.supervised.several import OfEach
from pipelines.vision.condition import Condition, of_each
from pipelines.vision.conditions._members import MEMBERS, with_members
from pipelines.vision.data import Dataset, Examples, split_of


def condition(*, outliers: Literal["near", "far"] = "far", features: bool = False) -> Condition:
    """outliers: near (classes that look like the known ones) or far (textures and noise). features: whether the inputs
    of the last layer are kept, too, for their density."""
    name = f"{outliers}_outliers"

    def examples(dataset: Dataset, generator: np.random.Generator) -> Examples:
        test, unknown = dataset.splits["test"], dataset.splits[name]
        order = generator.permutation(len(test))
        alone, first = np.split(order, [len(test) // 2])
        second = np.array([generator.choice(first[test.labels[first] != test.labels[row]]) for row in first])
        blends = np.rint((test.images[first].astype(np.float32) + test.images[second]) / 2).astype(np.uint8)
        split = split_of(
            np.concatenate([test.images[alone], blends, unknown.images]),
            np.concatenate([test.labels[alone], test.labels[first], np.full(len(unknown), -1)]),
            groups=np.concatenate([np.full(len(alone), -1), test.labels[second], np.full(len(unknown), -1)]),
        )
        return Examples(split, np.concatenate([alone, first, np.arange(len(unknown))]))

    def with_features(models: Sequence[Classifier], examples: Examples, generator: torch.Generator) -> list[Outcomes]:
        found = with_members(models, examples, generator)
        every = of_each(models, "features", examples.split.images)
        return [replace(outcomes, features=of_one) for outcomes, of_one in zip(found, every, strict=True)]

    has = ("labels", "outliers", "groups", *MEMBERS)
    if not features:
        return Condition(examples, OfEach(with_members), ("test", name), has)
    return Condition(examples, OfEach(with_features), ("test", name), (*has, "features"))
