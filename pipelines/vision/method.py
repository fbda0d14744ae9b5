"""A method: what an intervention changes about training, as hooks that mostly keep their defaults."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from pipelines.vision.architecture import Classifier


@dataclass(frozen=True)
class TrainingData:
    """What a run may learn from, on its device.

    images    uint8 [n, 3, size, size], channels last
    labels    int64 [n]
    groups    int64 [n], -1 where unknown
    outliers  uint8 [m, 3, size, size]; empty for a method that does not ask for them
    """

    images: Tensor
    labels: Tensor
    groups: Tensor
    outliers: Tensor
    classes: int

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True)
class Step:
    """One training step: the model, its batch (images float [b, 3, size, size] in [0, 1]) and the draws it may take."""

    model: Classifier
    images: Tensor
    labels: Tensor
    groups: Tensor
    data: TrainingData
    generator: torch.Generator
    progress: float  # share of the training done, from 0 to 1

    def uniform(self, *shape: int) -> Tensor:
        """Draws from [0, 1)."""
        return torch.rand(*shape, generator=self.generator).to(self.images.device)

    def normal(self, *shape: int) -> Tensor:
        """Draws from the standard normal."""
        return torch.randn(*shape, generator=self.generator).to(self.images.device)

    def permutation(self) -> Tensor:
        """An order of the batch."""
        return torch.randperm(len(self.labels), generator=self.generator).to(self.images.device)

    def outliers(self, count: int) -> Tensor:
        """So many outlier images, float in [0, 1], drawn with replacement."""
        rows = torch.randint(len(self.data.outliers), (count,), generator=self.generator)
        return pixels(self.data.outliers[rows.to(self.data.outliers.device)])


def pixels(images: Tensor) -> Tensor:
    """Float images in [0, 1] of uint8 ones."""
    return images.float() / 255


def plain_loss(step: Step) -> Tensor:
    """Cross-entropy on the batch as it is."""
    return cross_entropy(step.model(step.images), step.labels)


def same_data(data: TrainingData, generator: torch.Generator) -> TrainingData:
    """The data as they are."""
    return data


def same_model(model: Classifier, data: TrainingData, generator: torch.Generator) -> Classifier:
    """The model as trained."""
    return model


@dataclass(frozen=True)
class Method:
    """The hooks of an intervention.

    loss      scalar loss of a step
    prepare   the data before training
    finish    the model after training
    cost      training time as a multiple of standard: what the sweep is ordered and estimated by
    splits    splits it learns from beside `train`
    """

    loss: Callable[[Step], Tensor] = plain_loss
    prepare: Callable[[TrainingData, torch.Generator], TrainingData] = same_data
    finish: Callable[[Classifier, TrainingData, torch.Generator], Classifier] = same_model
    cost: float = 1.0
    splits: tuple[str, ...] = ()
