"""Forecasts beside the true probabilities, where the data have them."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import torch
from scipy.special import softmax

from pipelines.data import DataError
from pipelines.outcomes import Outcomes
from pipelines.supervised.classifier import Classifier
from pipelines.tabular.condition import inference
from pipelines.tabular.data import Examples

Record = Callable[[Classifier, Examples, torch.Generator], Outcomes]
HAS = ("labels", "groups")
DISTANCE = "distance_to_truth"


def recording(truth: bool) -> tuple[Record, tuple[str, ...]]:
    """What is recorded of a model, and what that has for metrics; `truth`: with the distance to the truth."""
    return (inference_beside_truth, (*HAS, DISTANCE)) if truth else (inference, HAS)


def inference_beside_truth(model: Classifier, examples: Examples, generator: torch.Generator) -> Outcomes:
    """The model's logits on the examples as they are and, as the value `distance_to_truth`, the Euclidean distance of
    its probabilities from the true ones. Raises DataError where these are not known.
    """
    found, truth = inference(model, examples, generator), examples.split.truth
    if truth.shape != found.logits.shape:
        raise DataError("option 'truth': the true probabilities of these rows are not known")
    gap = softmax(found.logits.astype(np.float64), axis=1) - truth
    return replace(found, values={DISTANCE: np.sqrt((gap**2).sum(axis=1)).astype(np.float32)})
