"""What the members of a model say of each example, and how far they agree."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray

from pipelines.outcomes import Outcomes
from pipelines.supervised.classifier import Classifier
from pipelines.vision.condition import of_each, outcomes_of
from pipelines.vision.data import Examples

MEMBERS = ("members", "aleatoric", "mutual_information", "disagreement")


def with_members(models: Sequence[Classifier], examples: Examples, generator: torch.Generator) -> list[Outcomes]:
    """Each model's logits on the examples as they are, and these values of each example:

    members             how many models it averages, 1 for one alone
    aleatoric           the entropy of a member's forecast, in nats, averaged over members
    mutual_information  of forecast and member, in nats: the entropy of the mean forecast less that; 0 for one alone
    disagreement        the share of pairs of members that answer differently; 0 for one alone
    """
    images = examples.split.images
    every = zip(of_each(models, "forward", images), of_each(models, "member_logits", images, axis=1), strict=True)
    return [replace(outcomes_of(examples, logits), values=agreement(members)) for logits, members in every]


def agreement(logits: NDArray[np.float32]) -> dict[str, NDArray[np.float32]]:
    """The values by name, of logits [n, members, classes]."""
    n, members, classes = logits.shape
    shifted = logits.astype(np.float64) - logits.max(axis=2, keepdims=True)
    forecast = np.exp(shifted)
    forecast /= forecast.sum(axis=2, keepdims=True)
    aleatoric = entropy(forecast).mean(axis=1)
    votes = np.eye(classes)[logits.argmax(axis=2)].sum(axis=1)
    pairs = max(1, members * (members - 1))
    values = {
        "members": np.full(n, members),
        "aleatoric": aleatoric,
        "mutual_information": np.maximum(entropy(forecast.mean(axis=1)) - aleatoric, 0),
        "disagreement": (pairs - (votes * (votes - 1)).sum(axis=1)) / pairs if members > 1 else np.zeros(n),
    }
    return {name: np.asarray(value, dtype=np.float32) for name, value in values.items()}


def entropy(forecast: NDArray[np.float64]) -> NDArray[np.float64]:
    """The entropy of probabilities along the last axis, in nats."""
    return np.asarray(-(forecast * np.log(np.where(forecast > 0, forecast, 1))).sum(axis=-1))
