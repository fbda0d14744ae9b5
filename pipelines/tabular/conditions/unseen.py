"""Benign test rows beside attacks of families that no other split has; a part for each family."""

import numpy as np

from pipelines.outcomes import EVERY_PART
from pipelines.parts import Whole
from pipelines.tabular.condition import Condition, inference, inference_with_features
from pipelines.tabular.data import Dataset, Examples, split_of


def condition(*, benign: Whole = 0, features: bool = False) -> Condition:
    """benign: the class of the rows that are no attack. features: whether the inputs of the last layer are kept, too,
    for scores that need them."""

    def examples(dataset: Dataset, generator: np.random.Generator) -> Examples:
        test, attacks = dataset.splits["test"], dataset.splits["unseen"]
        rows = np.flatnonzero(test.labels == benign)
        split = split_of(
            np.concatenate([test.rows[rows], attacks.rows]),
            np.concatenate([test.labels[rows], attacks.labels]),
            parts=np.concatenate([np.full(len(rows), EVERY_PART), attacks.parts]),
            part_names=attacks.part_names,
        )
        return Examples(split, np.concatenate([rows, np.arange(len(attacks))]))

    has = ("labels", "outliers", *(("features",) if features else ()))
    return Condition(examples, inference_with_features if features else inference, ("test", "unseen"), has)
