"""Runs of one classifier and one method at several seeds, trained at once: their weights are stacked, and every step is
one step of all of them. On a GPU small models leave most of the card idle; together they fill it.

A run starts from the weights that it would start from alone and sees the data in the same order. What its method and
the augmentation draw is drawn for all of them together, so it differs from what a run draws alone, and sums differ in
their last bits: a run's numbers belong to its cohort, and the seeds of the cohort are in its key.
"""

import math
import warnings
from collections.abc import Collection, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from typing import cast

import numpy as np
import torch
from torch import Tensor, nn

from pipelines.flops import FlopCount
from pipelines.supervised.classifier import Build, Classifier
from pipelines.supervised.draws import seed_for, torch_generator
from pipelines.supervised.method import Labelled, Method, Step, TrainingData, plain_update, same_model
from pipelines.supervised.several import Stacked
from pipelines.supervised.training import (
    Augment,
    Budget,
    Diverged,
    Trained,
    Weights,
    as_it_is,
    optimiser_of,
    steps_of,
    weights_of,
)

Member = list[Trained] | Exception  # a run of a cohort: as `train` returns it, or the error that it raises
State = Mapping[str, Tensor]  # weights, or what is kept beside them, of all runs: [runs, ...] by name


@dataclass(frozen=True)
class TogetherStep(Step):
    """The step of one run among others: every run gets draws of its own from the device's generator. `data` holds the
    examples of all of them where they do not learn from the same.
    """

    def uniform(self, *shape: int) -> Tensor:
        return torch.rand(*shape, device=self.inputs.device)

    def normal(self, *shape: int) -> Tensor:
        return torch.randn(*shape, device=self.inputs.device)

    def permutation(self) -> Tensor:
        return torch.randperm(len(self.labels), device=self.inputs.device)

    def outliers(self, count: int) -> Tensor:
        outliers = self.data.beside["training_outliers"].inputs
        return self.data.batch(outliers[torch.randint(len(outliers), (count,), device=outliers.device)])


class Loss(nn.Module):
    """A method's loss of a step, as a function of the classifier's weights."""

    def __init__(self, classifier: Classifier, method: Method):
        super().__init__()
        self.classifier, self.method = classifier, method

    def forward(self, batch: Labelled, data: TrainingData, progress: float) -> Tensor:
        """The scalar."""
        generator = torch.default_generator  # of the CPU, for what a method draws there
        step = TogetherStep(self.classifier, batch.inputs, batch.labels, batch.groups, data, generator, progress)
        return self.method.loss(step)


def possible(build: Build, method: Method, data: TrainingData, budget: Budget) -> bool:
    """Whether runs with this method can be trained and looked at together, tried on two of them: not where a loss
    depends on the values of its draws or its groups, takes gradients of its own, keeps something from step to step, or
    learns from what it makes for each run, and not where a model looks at the values of its inputs.
    """
    if method.update is not plain_update:
        return False
    inputs = data.batch(data.inputs)
    batch = Labelled(torch.stack([inputs] * 2), data.labels.repeat(2, 1), data.groups.repeat(2, 1))
    try:
        if method.prepare(data, torch.Generator()).beside is not data.beside:
            return False
        models = [method.build(build, seed) for seed in (0, 1)]
        cohort = Cohort(models, method, budget, data, len(data))
        for progress in (0.0, 1.0):
            cohort.step_losses(batch, progress).sum().backward()
        Stacked([model.eval() for model in models]).each_of(batch.inputs, torch.arange(2))
    except (RuntimeError, ValueError, TypeError, NotImplementedError):
        return False
    return True


def train_together(
    build: Build,
    method: Method,
    data: Sequence[TrainingData],
    budget: Budget,
    seeds: Sequence[int],
    checkpoints: Collection[int] = (),
    augment: Augment = as_it_is,
) -> list[Member]:
    """Train the runs of these seeds from scratch, each on its data, as `pipelines.supervised.training.train` does one.
    One that diverges, or that the method can't finish, leaves the others as they are. Raises RuntimeError where the
    method's loss is not one that fits, and ValueError where the runs do not have equally many examples.
    """
    device = data[0].inputs.device
    members = [method.build(build, seed_for(seed, "weights")).to(device) for seed in seeds]
    generators = [torch_generator(seed, "method") for seed in seeds]
    every = [method.prepare(each, generator) for each, generator in zip(data, generators, strict=True)]
    own = any(each is not every[0] for each in every)
    stacked = _side_by_side(every) if own else every[0]
    together = seed_for(seeds[0], f"cohort/{','.join(map(str, seeds))}")
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.manual_seed(together)
        cohort = Cohort(members, method, budget, stacked, len(every[0]))
        orders = [torch_generator(seed, "order") for seed in seeds]
        cohort.fit(orders, torch_generator(together, "augmentation"), own, checkpoints, augment)
        return [cohort.member(*each) for each in zip(range(len(seeds)), every, generators, strict=True)]


class Cohort:
    """Classifiers that are alike, and their training."""

    def __init__(self, members: list[Classifier], method: Method, budget: Budget, data: TrainingData, examples: int):
        self.method, self.budget, self.data, self.examples = method, budget, data, examples
        params, self.buffers = torch.func.stack_module_state(list(members))
        self.params = {name: nn.Parameter(value.detach()) for name, value in params.items()}
        self.stored = tuple(members[0].backbone.state_dict())
        self.loss = Loss(deepcopy(members[0]).train(), method)
        self.size = len(members)
        self.batch = min(budget.batch_size, examples)
        self.steps = steps_of(examples, budget)
        self.steps_an_epoch = self.steps // budget.epochs
        self.phases = {math.ceil(share * self.steps) for share in method.phases}
        self.flops: list[float] = []  # of one run, up to the end of every step
        self.losses: list[Tensor] = []  # [runs], of every step
        self.kept: dict[int, list[Weights]] = {}

    def fit(
        self,
        orders: list[torch.Generator],
        generator: torch.Generator,
        own: bool,
        checkpoints: Collection[int],
        augment: Augment,
    ) -> None:
        """Train. own: whether each run has data of its own, side by side, or all have the same."""
        weights = cast(Classifier, nn.ParameterList(self.params.values()))
        optimiser, schedule = optimiser_of(weights, self.method, self.budget, self.steps)
        first = torch.arange(self.size)[:, None] * (self.examples if own else 0)
        for _ in range(self.budget.epochs):
            rows = torch.stack([torch.randperm(self.examples, generator=order) for order in orders]) + first
            rows = rows[:, : self.steps_an_epoch * self.batch].to(self.data.inputs.device)
            for chosen in rows.view(self.size, self.steps_an_epoch, self.batch).unbind(1):
                batch = self._batch(chosen, generator, augment)
                progress = len(self.losses) / self.steps
                if len(self.losses) in self.phases:
                    flops_a_step = self._flops_of_one(batch, progress)
                self.flops.append(flops_a_step + (self.flops[-1] if self.flops else 0.0))
                values = self.step_losses(batch, progress)
                optimiser.zero_grad()
                values.sum().backward()  # each run's weights are in its own loss alone
                optimiser.step()
                schedule.step()
                self.losses.append(values.detach().float())
                if len(self.losses) in checkpoints:
                    self.kept[len(self.losses)] = self._weights()
            if not torch.isfinite(self.losses[-1]).any():
                break
        self.kept[len(self.losses)] = self._weights()

    def step_losses(self, batch: Labelled, progress: float) -> Tensor:
        """[runs], of a batch for each run, [runs, b, ...]."""

        def of_one(params: State, buffers: State, inputs: Tensor, labels: Tensor, groups: Tensor) -> Tensor:
            state = {f"classifier.{name}": value for name, value in {**params, **buffers}.items()}
            arguments = (Labelled(inputs, labels, groups), self.data, progress)
            value: Tensor = torch.func.functional_call(self.loss, state, arguments)
            return value

        bfloat16 = torch.autocast(batch.inputs.device.type, torch.bfloat16, enabled=self.budget.precision == "bfloat16")
        with bfloat16, warnings.catch_warnings():
            warnings.filterwarnings("ignore", "There is a performance drop")  # few operations are done run by run
            at_once = torch.func.vmap(of_one, randomness="different")
            values: Tensor = at_once(self.params, self.buffers, batch.inputs, batch.labels, batch.groups)
        if self.loss.classifier.memory:
            raise RuntimeError("a method that keeps something from step to step is trained one run at a time")
        return values

    def member(self, number: int, data: TrainingData, generator: torch.Generator) -> Member:
        """What became of a run; it is finished as one that is trained alone is."""
        losses = torch.stack(self.losses)[:, number].cpu()
        for end in range(self.steps_an_epoch, len(losses) + 1, self.steps_an_epoch):
            if not math.isfinite(losses[end - 1]):
                return Diverged(f"the loss is {float(losses[end - 1])} at step {end} of {self.steps}")
        kept = {step: (weights[number], self.flops[step - 1]) for step, weights in self.kept.items()}
        if self.method.finish is not same_model:
            try:
                kept[self.steps] = self._finished(number, data, generator)
            except (MemoryError, torch.OutOfMemoryError):
                raise
            except Exception as error:
                return error
        return [
            Trained(weights, flops, step, float(losses[max(0, step - self.steps_an_epoch) : step].mean()))
            for step, (weights, flops) in kept.items()
        ]

    def _finished(self, number: int, data: TrainingData, generator: torch.Generator) -> tuple[Weights, float]:
        """The weights of a run once its method has finished it, and all FLOPs until then."""
        model = deepcopy(self.loss.classifier)
        model.load_state_dict({name: value[number] for name, value in {**self.params, **self.buffers}.items()})
        with FlopCount() as count:
            model = self.method.finish(model.eval(), data, generator)
        return weights_of(model), self.flops[-1] + count.total

    def _batch(self, rows: Tensor, generator: torch.Generator, augment: Augment) -> Labelled:
        """[runs, b, ...]: a batch for each run."""
        flat = augment(self.data.batch(self.data.inputs[rows.flatten()]), generator)
        return Labelled(flat.unflatten(0, rows.shape), self.data.labels[rows], self.data.groups[rows])

    def _flops_of_one(self, batch: Labelled, progress: float) -> float:
        """Of a step of one run: all runs have the same, and all steps of a phase."""
        alone = Loss(deepcopy(self.loss.classifier), self.method)
        with torch.random.fork_rng(devices=[batch.inputs.device] if batch.inputs.is_cuda else []), FlopCount() as count:
            alone(Labelled(batch.inputs[0], batch.labels[0], batch.groups[0]), self.data, progress).backward()
        return float(count.total)

    def _weights(self) -> list[Weights]:
        """Of every run, arrays of their own by name."""
        state = {name.removeprefix("backbone."): value for name, value in {**self.params, **self.buffers}.items()}
        arrays = {name: state[name].detach().cpu().numpy() for name in self.stored}
        return [{name: np.array(array[number]) for name, array in arrays.items()} for number in range(self.size)]


def _side_by_side(every: list[TrainingData]) -> TrainingData:
    """The examples of all runs, those of one after those of another."""
    sizes = [len(data) for data in every]
    if len(set(sizes)) > 1:
        raise ValueError(f"runs of {sizes} examples can't be trained at once: a step would not be one of each")
    inputs, labels, groups = (
        torch.cat([getattr(data, name) for data in every]) for name in ("inputs", "labels", "groups")
    )
    return replace(every[0], inputs=inputs, labels=labels, groups=groups)
