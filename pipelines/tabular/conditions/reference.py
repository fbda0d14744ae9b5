"""Training and validation rows: what thresholds and temperatures are fitted on, never a test."""

import numpy as np

from pipelines.outcomes import TRAINING, VALIDATION
from pipelines.parts import Count
from pipelines.tabular.condition import Condition, inference_with_features, some_of
from pipelines.tabular.data import Dataset, Examples, split_of


def condition(*, rows: Count = 1000, features: bool = False) -> Condition:
    """rows: of the training split, at random. features: whether the inputs of the last layer are kept, too."""

    def examples(dataset: Dataset, generator: np.random.Generator) -> Examples:
        training, validation = dataset.splits["train"], dataset.splits["validation"]
        chosen = some_of(len(training), rows, generator)
        split = split_of(
            np.concatenate([training.rows[chosen], validation.rows]),
            np.concatenate([training.labels[chosen], validation.labels]),
            parts=np.repeat([0, 1], [len(chosen), len(validation)]),
            part_names=(TRAINING, VALIDATION),
        )
        return Examples(split, np.concatenate([chosen, np.arange(len(validation))]))

    if not features:
        return Condition(examples, splits=("train", "validation"))
    return Condition(examples, inference_with_features, ("train", "validation"), ("labels", "features"))
