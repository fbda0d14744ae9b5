"""A condition on images: the examples a trained model is put through, and what is recorded of it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pipelines.outcomes import Outcomes
from pipelines.supervised import condition
from pipelines.supervised.classifier import Classifier
from pipelines.supervised.condition import BATCH, device_of
from pipelines.supervised.several import OfEach, Stacked
from pipelines.vision.data import Dataset, Examples, Split
from pipelines.vision.tensors import channels_first, pixels


def of_logits(made: Callable[[Examples, NDArray[np.float32]], Outcomes]) -> OfEach[Examples]:
    """Outcomes that are made of examples and a model's logits on them as they are."""

    def each(models: Sequence[Classifier], examples: Examples, generator: torch.Generator) -> list[Outcomes]:
        return [made(examples, logits) for logits in of_each(models, "forward", examples.split.images)]

    return OfEach(each)


def of_features(made: Callable[[Examples, NDArray[np.float32], Classifier], Outcomes]) -> OfEach[Examples]:
    """Outcomes that are made of examples, the inputs of a model's last layer for them as they are, and the model."""

    def each(models: Sequence[Classifier], examples: Examples, generator: torch.Generator) -> list[Outcomes]:
        every = of_each(models, "features", examples.split.images)
        return [made(examples, features, model) for features, model in zip(every, models, strict=True)]

    return OfEach(each)


def of_each(
    models: Sequence[Classifier], function: str, images: NDArray[np.uint8], axis: int = 0
) -> list[NDArray[np.float32]]:
    """What a function of each of some models that are alike gives for images, these along the first axis."""
    every = in_batches(rows_of_all(models, function, axis), images, device_of(models[0]))
    return [np.ascontiguousarray(every[:, number]) for number in range(len(models))]


def rows_of_all(models: Sequence[Classifier], function: str, axis: int = 0) -> Callable[[Tensor], Tensor]:
    """What a function of each of some models that are alike, by its name, gives for a batch: [n, models, ...]. `axis`
    is that of the images in what one model gives.
    """
    stacked = Stacked(models, function) if len(models) > 1 else None
    at_once = max(1, (BATCH if device_of(models[0]).type == "cpu" else 16 * BATCH) // len(models))

    def rows(batch: Tensor) -> Tensor:
        found = stacked.all_of(batch) if stacked else getattr(models[0], function)(batch)[None]
        return found.movedim(axis + 1, 0)

    return lambda batch: torch.cat([rows(some) for some in batch.split(at_once)])


def outcomes_of(examples: Examples, logits: NDArray[np.float32]) -> Outcomes:
    """Outcomes with the examples' labels, groups and parts."""
    split = examples.split
    return Outcomes(logits, split.labels, examples.rows, split.groups, split.parts, split.part_names)


def with_features(examples: Examples, features: NDArray[np.float32], model: Classifier) -> Outcomes:
    """Outcomes with the model's logits and the inputs of its last layer."""
    device = device_of(model)
    with torch.inference_mode():
        batches = torch.from_numpy(features).split(BATCH)
        logits = np.concatenate([model.head(batch.to(device)).float().cpu().numpy() for batch in batches])
    return replace(outcomes_of(examples, logits), features=features)


inference = of_logits(outcomes_of)
inference_with_features = of_features(with_features)


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


def in_batches(
    function: Callable[[Tensor], Tensor], images: NDArray[np.uint8], device: torch.device
) -> NDArray[np.float32]:
    """A function of float images in [0, 1] on a device, applied to uint8 images [n, size, size, 3] batch by batch."""
    return condition.in_batches(function, channels_first(images), pixels, device)
