"""Training and validation images: what thresholds, temperatures and feature statistics are fitted on, never a test."""

import numpy as np

from pipelines.outcomes import TRAINING, VALIDATION
from pipelines.parts import Count
from pipelines.vision.condition import Condition, inference_with_features, some_of
from pipelines.vision.data import Dataset, Examples, split_of


def condition(*, images: Count = 1000, features: bool = False) -> Condition:
    """images: of the training split, the first in a random order. features: whether the inputs of the last layer are
    kept, too."""

    def examples(dataset: Dataset, generator: np.random.Generator) -> Examples:
        training, validation = dataset.splits["train"], dataset.splits["validation"]
        rows = some_of(len(training), images, generator)
        split = split_of(
            np.concatenate([training.images[rows], validation.images]),
            np.concatenate([training.labels[rows], validation.labels]),
            parts=np.repeat([0, 1], [len(rows), len(validation)]),
            part_names=(TRAINING, VALIDATION),
        )
        return Examples(split, np.concatenate([rows, np.arange(len(validation))]))

    if not features:
        return Condition(examples, splits=("train", "validation"))
    return Condition(examples, inference_with_features, ("train", "validation"), ("labels", "features"))
