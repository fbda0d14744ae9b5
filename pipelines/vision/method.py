"""A method: what an intervention changes about training, as hooks that mostly keep their defaults."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from pipelines.vision.architecture import Architecture, Classifier, build


@dataclass(frozen=True)
class Labelled:
    """Images of a split on the run's device.

    images  uint8 [n, 3, size, size], channels last
    labels  int64 [n], below 0 for outliers
    groups  int64 [n], -1 where unknown
    """

    images: Tensor
    labels: Tensor
    groups: Tensor

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True)
class TrainingData(Labelled):
    """What a run may learn from: the training images, and `beside` them the other splits that its method asks for."""

    classes: int
    beside: Mapping[str, Labelled]


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
        outliers = self.data.beside["training_outliers"].images
        rows = torch.randint(len(outliers), (count,), generator=self.generator)
        return pixels(outliers[rows.to(outliers.device)])


def pixels(images: Tensor) -> Tensor:
    """Float images in [0, 1] of uint8 ones."""
    return images.float() / 255


def plain_loss(step: Step) -> Tensor:
    """Cross-entropy on the batch as it is."""
    return cross_entropy(step.model(step.images), step.labels)


def plain_update(step: Step, loss: Callable[[Step], Tensor], optimiser: torch.optim.Optimizer) -> Tensor:
    """One step of the optimiser down the gradient of the loss."""
    value = loss(step)
    optimiser.zero_grad()
    value.backward()
    optimiser.step()
    return value


def same_data(data: TrainingData, generator: torch.Generator) -> TrainingData:
    """The data as they are."""
    return data


def same_model(model: Classifier, data: TrainingData, generator: torch.Generator) -> Classifier:
    """The model as trained."""
    return model


@dataclass(frozen=True)
class Method:
    """The hooks of an intervention.

    loss          scalar loss of a step
    prepare       the data before training
    finish        the model after training
    cost          training time as a multiple of standard: what the sweep is ordered and estimated by
    splits        splits it learns from beside `train`
    groups        whether it needs the groups of the training images: otherwise it sees none
    build         the classifier of an architecture, classes, image size and seed; made again to be evaluated
    width         of the model, as a multiple of its own
    weight_decay  in place of the budget's
    update        one step of the optimiser down that loss; the loss
    phases        at which shares of the training a step changes what it computes: FLOPs are counted once in each
    """

    loss: Callable[[Step], Tensor] = plain_loss
    prepare: Callable[[TrainingData, torch.Generator], TrainingData] = same_data
    finish: Callable[[Classifier, TrainingData, torch.Generator], Classifier] = same_model
    cost: float = 1.0
    splits: tuple[str, ...] = ()
    groups: bool = False
    build: Callable[[Architecture, int, int, int], Classifier] = build
    width: int = 1
    weight_decay: float | None = None
    update: Callable[[Step, Callable[[Step], Tensor], torch.optim.Optimizer], Tensor] = plain_update
    phases: tuple[float, ...] = (0.0,)
