"""One method of several runs that are trained at once, as a function of all that differs between them: the weights, the
draws, and options of the method that are numbers.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from pipelines.gradients import InputLoss, gradient_of_each
from pipelines.supervised.classifier import Classifier
from pipelines.supervised.method import Labelled, Method, Step, TrainingData


@dataclass(frozen=True)
class TogetherStep(Step):
    """The step of one run among others: every run gets draws of its own from the device's generator. `data` holds the
    examples of all of them where they do not learn from the same.
    """

    def uniform(self, *shape: int) -> Tensor:
        return torch.rand(*shape, device=self.inputs.device)

    def normal(self, *shape: int) -> Tensor:
        return torch.randn(*shape, device=self.inputs.device)

    def beta(self, alpha: float) -> Tensor:
        """By what `torch.distributions.Beta` draws by, which is not to be had for several runs at once."""
        return torch._sample_dirichlet(torch.full((2,), float(alpha), device=self.inputs.device))[0]

    def gradient(self, loss: InputLoss, point: Tensor) -> Tensor:
        return gradient_of_each(loss, point)

    def permutation(self) -> Tensor:
        return torch.randperm(len(self.labels), device=self.inputs.device)

    def outliers(self, count: int) -> Tensor:
        outliers = self.data.beside["training_outliers"].inputs
        return self.data.batch(outliers[torch.randint(len(outliers), (count,), device=outliers.device)])


class Varied:
    """A method with options that differ from run to run: numbers that its loss alone depends on, and what it does to a
    run by itself. Raises ValueError where something else of it depends on them.

    each     the method of each run
    options  [runs], those that differ, by name
    """

    def __init__(self, each: Sequence[Method], make: Callable[..., Method], options: Mapping[str, Sequence[float]]):
        self.each, self.options = each, {name: torch.tensor(values) for name, values in options.items()}
        self._make = make
        own = {name: held for name, held in vars(each[0]).items() if name not in ("loss", "finish", "cost")}
        if other := [name for method in each for name in own if vars(method)[name] != own[name]]:
            raise ValueError(f"runs trained at once have options that change more than the loss: {', '.join(other)}")

    def with_options(self, options: Mapping[str, Tensor]) -> Method:
        """The method with these, numbers of one run."""
        return self._make(**options) if options else self.each[0]


def alike(method: Method, runs: int) -> Varied:
    """So many runs of one method with the same options."""
    return Varied([method] * runs, lambda: method, {})


class Loss(nn.Module):
    """A method's loss of a step, as a function of the classifier's weights."""

    def __init__(self, classifier: Classifier, varied: Varied):
        super().__init__()
        self.classifier, self.varied = classifier, varied

    def forward(self, batch: Labelled, data: TrainingData, progress: float, options: Mapping[str, Tensor]) -> Tensor:
        """The scalar."""
        generator = torch.default_generator  # of the CPU, for what a method draws there
        step = TogetherStep(self.classifier, batch.inputs, batch.labels, batch.groups, data, generator, progress)
        return self.varied.with_options(options).loss(step)
