"""A method: what an intervention changes about training, as hooks that mostly keep their defaults."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from scipy.special import betaincinv
from torch import Tensor
from torch.nn.functional import cross_entropy

from pipelines.gradients import InputLoss, gradient
from pipelines.supervised.classifier import Build, Classifier


@dataclass(frozen=True)
class Labelled:
    """Examples of a split on the run's device.

    inputs  [n, ...], as they are kept: `TrainingData.batch` makes of them what a model takes
    labels  int64 [n], below 0 for outliers
    groups  int64 [n], -1 where unknown
    """

    inputs: Tensor
    labels: Tensor
    groups: Tensor

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True)
class TrainingData(Labelled):
    """What a run may learn from: the training examples, and `beside` them the other splits that its method asks for.

    batch  inputs as a model takes them, of inputs as they are kept
    """

    classes: int
    beside: Mapping[str, Labelled]
    batch: Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Step:
    """One training step: the model, its batch (inputs [b, ...] as the model takes them) and the draws it may take."""

    model: Classifier
    inputs: Tensor
    labels: Tensor
    groups: Tensor
    data: TrainingData
    generator: torch.Generator
    progress: float  # share of the training done, from 0 to 1

    def uniform(self, *shape: int) -> Tensor:
        """Draws from [0, 1)."""
        return torch.rand(*shape, generator=self.generator).to(self.inputs.device)

    def normal(self, *shape: int) -> Tensor:
        """Draws from the standard normal."""
        return torch.randn(*shape, generator=self.generator).to(self.inputs.device)

    def beta(self, alpha: float) -> float | Tensor:
        """A draw from Beta(alpha, alpha)."""
        return float(betaincinv(alpha, alpha, float(self.uniform(1))))

    def gradient(self, loss: InputLoss, point: Tensor) -> Tensor:
        """Of a loss with respect to inputs, at this point; the weights get none."""
        return gradient(loss, point)

    def permutation(self) -> Tensor:
        """An order of the batch."""
        return torch.randperm(len(self.labels), generator=self.generator).to(self.inputs.device)

    def outliers(self, count: int) -> Tensor:
        """So many outliers, as the model takes them, drawn with replacement."""
        outliers = self.data.beside["training_outliers"].inputs
        rows = torch.randint(len(outliers), (count,), generator=self.generator)
        return self.data.batch(outliers[rows.to(outliers.device)])


def plain_loss(step: Step) -> Tensor:
    """Cross-entropy on the batch as it is."""
    return cross_entropy(step.model(step.inputs), step.labels)


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


def same_build(build: Build, seed: int) -> Classifier:
    """The classifier that it is given."""
    return build(seed)


@dataclass(frozen=True)
class Method:
    """The hooks of an intervention.

    loss          scalar loss of a step
    prepare       the data before training
    finish        the model after training
    cost          training time as a multiple of standard: what the sweep is ordered and estimated by
    splits        splits it learns from beside `train`
    groups        whether it needs the groups of the training examples: otherwise it sees none
    build         the classifier, of how one is made and a seed; made again to be evaluated
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
    build: Callable[[Build, int], Classifier] = same_build
    width: int = 1
    weight_decay: float | None = None
    update: Callable[[Step, Callable[[Step], Tensor], torch.optim.Optimizer], Tensor] = plain_update
    phases: tuple[float, ...] = (0.0,)
