"""Classes never seen in training, told apart by a linear probe on the model's frozen features: what transfers.

The probe is ridge regression onto one-hot labels (Alain & Bengio 2016, arXiv 1610.01644, for probes).
"""

import numpy as np
from numpy.typing import NDArray

from pipelines.outcomes import Outcomes
from pipelines.parts import Positive
from pipelines.supervised.classifier import Classifier
from pipelines.supervised.probing import probe_scores
from pipelines.vision.condition import Condition, of_features, outcomes_of
from pipelines.vision.data import Dataset, Examples, split_of

TO_FIT, TO_TEST = 0, 1


def condition(*, ridge: Positive = 1.0) -> Condition:
    """ridge: penalty on the squared weights, for each feature of unit variance."""

    def probed(examples: Examples, inputs: NDArray[np.float32], model: Classifier) -> Outcomes:
        split, features = examples.split, inputs.astype(np.float64)
        fit, test = split.groups == TO_FIT, np.flatnonzero(split.groups == TO_TEST)
        labels = split.labels[fit]
        scores = probe_scores(features[fit], labels, features[test], int(split.labels.max()) + 1, ridge)
        tested = split_of(split.images[test], split.labels[test])
        return outcomes_of(Examples(tested, examples.rows[test]), scores)

    return Condition(both_splits, of_features(probed), splits=("transfer_train", "transfer_test"))


def both_splits(dataset: Dataset, generator: np.random.Generator) -> Examples:
    """The images to fit the probe on and those to test it on, told apart by the group."""
    to_fit, to_test = dataset.splits["transfer_train"], dataset.splits["transfer_test"]
    split = split_of(
        np.concatenate([to_fit.images, to_test.images]),
        np.concatenate([to_fit.labels, to_test.labels]),
        groups=np.repeat([TO_FIT, TO_TEST], [len(to_fit), len(to_test)]),
    )
    return Examples(split, np.concatenate([np.arange(len(to_fit)), np.arange(len(to_test))]))
