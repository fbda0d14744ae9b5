"""Test images beside images of no known class, which a model should tell apart; a part for each family of outliers."""

from typing import Literal

import numpy as np

from pipelines.outcomes import EVERY_PART
from pipelines.vision.condition import Condition, inference_with_features
from pipelines.vision.data import Dataset, Examples, split_of


def condition(*, kind: Literal["near", "far"], features: bool = False) -> Condition:
    """kind: near (classes that look like the known ones) or far (textures and noise). features: whether the inputs of
    the last layer are kept, too, for scores that need them."""
    name = f"{kind}_outliers"

    def examples(dataset: Dataset, generator: np.random.Generator) -> Examples:
        known, unknown = dataset.splits["test"], dataset.splits[name]
        one_family = np.zeros(len(unknown), dtype=np.int64)
        split = split_of(
            np.concatenate([known.images, unknown.images]),
            np.concatenate([known.labels, np.full(len(unknown), -1)]),
            parts=np.concatenate(
                [np.full(len(known), EVERY_PART), unknown.parts if unknown.part_names else one_family]
            ),
            part_names=unknown.part_names or (kind,),
        )
        return Examples(split, np.concatenate([np.arange(len(known)), np.arange(len(unknown))]))

    has = ("labels", "outliers")
    if not features:
        return Condition(examples, splits=("test", name), has=has)
    return Condition(examples, inference_with_features, ("test", name), (*has, "features"))
