"""One training run: a fresh classifier, a method's hooks, AdamW under a one-cycle schedule, on one device.

What depends on the inputs is handed in: how a classifier is made (`build`), a split's inputs as a tensor (`inputs`),
stored inputs as a model takes them (`batch`), and how a batch is augmented (`augment`).
"""

import math
from collections.abc import Callable, Collection, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Protocol, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pipelines.flops import FlopCount
from pipelines.supervised.classifier import Build, Classifier
from pipelines.supervised.draws import seed_for, torch_generator
from pipelines.supervised.method import Labelled, Method, Step, TrainingData

Weights = dict[str, NDArray[np.generic]]
Augment = Callable[[Tensor, torch.Generator], Tensor]  # a batch, changed by draws


class Split(Protocol):
    """What is known of a split's examples beside their inputs, as TrainingData has it."""

    @property
    def labels(self) -> NDArray[np.int64]:
        """[n]"""

    @property
    def groups(self) -> NDArray[np.int64]:
        """[n]"""


S = TypeVar("S", bound=Split)


class Diverged(ArithmeticError):
    """The loss became infinite or not a number."""


@dataclass(frozen=True)
class Budget:
    """How much training a run gets: the same for every method of a study.

    epochs         over the training examples
    learning_rate  the schedule's peak
    precision      of the forward pass: float32, or bfloat16 by autocast
    """

    epochs: int
    batch_size: int
    learning_rate: float
    weight_decay: float
    precision: str


@dataclass(frozen=True)
class Trained:
    """A trained model's weights and what it took, at the end or on the way.

    weights  arrays by name
    flops    of the training so far: counted in the first step of each of the method's phases, and after the last step;
             of agents in the first update, and in what comes before it
    loss     mean over the last epoch of steps; of agents and players as their training has it
    """

    weights: Mapping[str, NDArray[np.generic]]
    flops: float
    steps: int
    loss: float


def as_it_is(batch: Tensor, generator: torch.Generator) -> Tensor:
    """The batch, not augmented."""
    return batch


def train(
    build: Build,
    method: Method,
    data: TrainingData,
    budget: Budget,
    seed: int,
    checkpoints: Collection[int] = (),
    augment: Augment = as_it_is,
) -> list[Trained]:
    """Train from scratch; the classifier after each of the steps in `checkpoints`, in order, then at the end. Every
    draw comes from `seed`. Raises Diverged. A method's `finish` is for the end alone.
    """
    model = method.build(build, seed_for(seed, "weights")).to(data.inputs.device)
    generator = torch_generator(seed, "method")
    data = method.prepare(data, generator)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed_for(seed, "dropout"))
        flops, losses, kept = fit(
            model, method, data, budget, torch_generator(seed, "order"), generator, checkpoints, augment
        )
        with FlopCount() as count:
            model = method.finish(model.eval(), data, generator)
    kept[len(losses)] = weights_of(model)
    flops[-1] += count.total
    steps_an_epoch = len(losses) // budget.epochs

    def loss_at(step: int) -> float:
        return float(torch.stack(losses[max(0, step - steps_an_epoch) : step]).mean())

    return [Trained(weights, flops[step - 1], step, loss_at(step)) for step, weights in kept.items()]


def fit(
    model: Classifier,
    method: Method,
    data: TrainingData,
    budget: Budget,
    order: torch.Generator,
    generator: torch.Generator,
    checkpoints: Collection[int],
    augment: Augment,
) -> tuple[list[float], list[Tensor], dict[int, Weights]]:
    """Train the model in place; after every step, the FLOPs so far; its loss; the weights at checkpoints."""
    batch = min(budget.batch_size, len(data))
    steps_an_epoch = len(data) // batch
    steps = budget.epochs * steps_an_epoch
    optimiser, schedule = optimiser_of(model, method, budget, steps)
    phases = {math.ceil(share * steps) for share in method.phases}
    count = FlopCount()
    flops: list[float] = []
    losses: list[Tensor] = []
    kept: dict[int, Weights] = {}

    def loss(step: Step) -> Tensor:
        with torch.autocast(step.inputs.device.type, torch.bfloat16, enabled=budget.precision == "bfloat16"):
            return method.loss(step)

    model.train()
    for _ in range(budget.epochs):
        permutation = torch.randperm(len(data), generator=order).to(data.inputs.device)
        for rows in permutation[: steps_an_epoch * batch].view(steps_an_epoch, batch):
            inputs = augment(data.batch(data.inputs[rows]), order)
            step = Step(model, inputs, data.labels[rows], data.groups[rows], data, generator, len(losses) / steps)
            count = FlopCount() if len(losses) in phases else count
            with count if len(losses) in phases else nullcontext():
                losses.append(method.update(step, loss, optimiser).detach().float())
            schedule.step()
            flops.append(count.total + (flops[-1] if flops else 0.0))
            if len(losses) in checkpoints:
                kept[len(losses)] = weights_of(model)
        if not math.isfinite(losses[-1]):
            raise Diverged(f"the loss is {float(losses[-1])} at step {len(losses)} of {steps}")
    return flops, losses, kept


def optimiser_of(
    model: Classifier, method: Method, budget: Budget, steps: int
) -> tuple[torch.optim.Optimizer, torch.optim.lr_scheduler.OneCycleLR]:
    """AdamW and its schedule: the learning rate rises for a fifth of the steps, where that is more than one, then falls
    to nothing.
    """
    decay = budget.weight_decay if method.weight_decay is None else method.weight_decay
    optimiser = torch.optim.AdamW(model.parameters(), budget.learning_rate, weight_decay=decay, fused=True)
    rising = 0.2 if steps > 5 else 0.0  # torch divides by the length of the rise, less one step
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, budget.learning_rate, total_steps=steps, pct_start=rising)
    return optimiser, schedule


def steps_of(examples: int, budget: Budget) -> int:
    """The steps of a training on so many examples."""
    return budget.epochs * (examples // min(budget.batch_size, examples))


def training_data(
    splits: Mapping[str, S],
    method: Method,
    classes: int,
    device: str,
    inputs: Callable[[S], Tensor],
    batch: Callable[[Tensor], Tensor],
) -> TrainingData:
    """The training split and those that the method asks for beside it, as tensors on the device; with groups where it
    says that it needs them.
    """

    def labelled(split: S) -> Labelled:
        groups = split.groups if method.groups else np.full_like(split.groups, -1)
        arrays = (inputs(split), torch.from_numpy(split.labels), torch.from_numpy(groups))
        return Labelled(*(array.to(device) for array in arrays))

    train = labelled(splits["train"])
    beside = {name: labelled(splits[name]) for name in method.splits}
    return TrainingData(train.inputs, train.labels, train.groups, classes, beside, batch)


def weights_of(model: Classifier) -> Weights:
    """The model's state as contiguous arrays of their own."""
    state = model.backbone.state_dict()
    return {name: value.detach().cpu().contiguous().numpy().copy() for name, value in state.items()}
