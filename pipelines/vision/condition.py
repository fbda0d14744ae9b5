"""A condition on images: the examples a trained model is put through, and what is recorded of it."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pipelines.outcomes import Outcomes
from pipelines.supervised import condition
from pipelines.supervised.classifier import Classifier
from pipelines.supervised.condition import BATCH, device_of
from pipelines.vision.data import Dataset, Examples, Split
from pipelines.vision.tensors import channels_first, pixels


def inference(model: Classifier, examples: Examples, generator: torch.Generator) -> Outcomes:
    """The model's logits on the examples as they are."""
    return outcomes_of(examples, logits_of(model, examples.split.images))


def inference_with_features(model: Classifier, examples: Examples, generator: torch.Generator) -> Outcomes:
    """The model's logits on the examples as they are, and the inputs of its last layer."""
    features = features_of(model, examples.split.images)
    device = device_of(model)
    with torch.inference_mode():
        batches = torch.from_numpy(features).split(BATCH)
        logits = np.concatenate([model.head(batch.to(device)).float().cpu().numpy() for batch in batches])
    return replace(outcomes_of(examples, logits), features=features)


@dataclass(frozen=True)
class Condition(condition.Condition[Dataset, Examples, Split]):
    """What is done with a dataset of images and a model: plain inference, unless it says otherwise."""

    outcomes: Callable[[Classifier, Examples, torch.Generator], Outcomes] = inference


def whole(name: str) -> Callable[[Dataset, np.random.Generator], Examples]:
    """All images of a split."""

    def examples(dataset: Dataset, generator: np.random.Generator) -> Examples:
        split = dataset.splits[name]
        return Examples(split, np.arange(len(split)))

    return examples


def some_of(total: int, count: int, generator: np.random.Generator) -> NDArray[np.int64]:
    """`count` of the rows 0 to `total` - 1, at random, in order; all where there are no more."""
    return np.sort(generator.permutation(total)[:count])


def take(split: Split, rows: NDArray[np.int64]) -> Split:
    """The chosen rows of a split."""
    return Split(split.images[rows], split.labels[rows], split.groups[rows], split.parts[rows], split.part_names)


def logits_of(model: Classifier, images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Logits [n, classes] in float32, whatever precision the model was trained in."""
    return in_batches(model, images, device_of(model))


def features_of(model: Classifier, images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Features [n, d], the input of the last layer."""
    return in_batches(model.features, images, device_of(model))


def in_batches(
    function: Callable[[Tensor], Tensor], images: NDArray[np.uint8], device: torch.device
) -> NDArray[np.float32]:
    """A function of float images in [0, 1] on a device, applied to uint8 images [n, size, size, 3] batch by batch."""
    return condition.in_batches(function, channels_first(images), pixels, device)


def outcomes_of(examples: Examples, logits: NDArray[np.float32]) -> Outcomes:
    """Outcomes with the examples' labels, groups and parts."""
    split = examples.split
    return Outcomes(logits, split.labels, examples.rows, split.groups, split.parts, split.part_names)
