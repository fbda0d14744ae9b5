"""What conditions with attacks share: the test images they are made on."""

from collections.abc import Callable, Collection

import numpy as np
import torch
from torch import Tensor

from pipelines.data import DataError
from pipelines.vision.attacks._losses import check_classes
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
