"""What conditions with attacks share: the test images they are made on, and several models attacked at once."""

from collections.abc import Callable, Collection, Sequence

import numpy as np
import torch
from torch import Tensor

from pipelines.data import DataError
from pipelines.supervised.classifier import Classifier
from pipelines.supervised.condition import device_of
from pipelines.supervised.several import Several, Stacked
from pipelines.vision.attacks._losses import check_classes
from pipelines.vision.attacks._watch import Model
from pipelines.vision.condition import some_of, take
from pipelines.vision.conditions.clean import without_parts
from pipelines.vision.data import Dataset, Examples
from pipelines.vision.tensors import channels_first, pixels

Make = Callable[[Dataset, np.random.Generator], Examples]


def drawn(images: int, attacks: Collection[str] = ()) -> Make:
    """So many of the test images, at random. Raises DataError where an attack needs more classes than there are."""

    def examples(dataset: Dataset, generator: np.random.Generator) -> Examples:
        if "apgd-t" in attacks:
            try:
                check_classes(len(dataset.class_names))
            except ValueError as error:
                raise DataError(f"{dataset.name}: {error}") from error
        test = dataset.splits["test"]
        rows = some_of(len(test), images, generator)
        return without_parts(Examples(take(test, rows), rows))

    return examples


def tensors(examples: Examples, device: torch.device) -> tuple[Tensor, Tensor]:
    """Images in [0, 1] and labels on a device."""
    images, labels = examples.split.images, examples.split.labels
    return pixels(channels_first(images).to(device)), torch.from_numpy(labels).to(device)


def for_each(models: Sequence[Classifier], examples: Examples) -> tuple[Model, Tensor, Tensor]:
    """What is attacked, images and labels: each image once for every model, one row beside the other. One model is
    attacked as it is.
    """
    images, labels = tensors(examples, device_of(models[0]))
    if len(models) == 1:
        return models[0], images, labels
    of = torch.arange(len(models), device=labels.device).repeat(len(labels))
    images, labels = (each.repeat_interleave(len(models), dim=0) for each in (images, labels))
    return Several(Stacked(models), of), images, labels


def apart(rows: Tensor, models: Sequence[Classifier]) -> list[Tensor]:
    """The rows of each model, of what `for_each` laid side by side."""
    return [rows[number :: len(models)] for number in range(len(models))]
