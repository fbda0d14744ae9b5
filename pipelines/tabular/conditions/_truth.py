"""Forecasts beside the true probabilities, where the data have them."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import torch
from scipy.special import softmax

from pipelines.data import DataError
from pipelines.outcomes import Outcomes
from pipelines.supervised.classifier import Classifier
from pipelines.tabular.condition import Condition, inference, whole
from pipelines.tabular.data import Dataset, Examples

Make = Callable[[Dataset, np.random.Generator], Examples]
DISTANCE = "distance_to_truth"


def forecasts(split: str, truth: bool) -> Condition:
    """All rows of a split; `truth`: with the distance of each forecast to the true probabilities."""
    has = ("labels", "groups")
    if not truth:
        return Condition(whole(split), splits=(split,), has=has)
    return Condition(with_truth(split), inference_beside_truth, (split,), (*has, DISTANCE))


def with_truth(split: str) -> Make:
    """All rows of a split. Raises DataError where their true probabilities are not known."""

    def examples(dataset: Dataset, generator: np.random.Generator) -> Examples:
        if not dataset.splits[split].truth.shape[1]:
            raise DataError(f"{dataset.name}: option 'truth': the true probabilities of its rows are not known")
        return whole(split)(dataset, generator)

    return examples


def inference_beside_truth(model: Classifier, examples: Examples, generator: torch.Generator) -> Outcomes:
    """The model's logits on the examples as they are and, as the value `distance_to_truth`, the Euclidean distance of
    its probabilities from the true ones.
    """
    found = inference(model, examples, generator)
    gap = softmax(found.logits.astype(np.float64), axis=1) - examples.split.truth
    return replace(found, values={DISTANCE: np.sqrt((gap**2).sum(axis=1)).astype(np.float32)})
