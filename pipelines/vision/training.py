"""One training run: a fresh classifier, a method's hooks, AdamW under a one-cycle schedule, on one device."""

import math
import warnings
from collections.abc import Collection, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pipelines.flops import FlopCount
from pipelines.parts import Count, NonNegative, Positive, Whole
from pipelines.vision.architecture import Architecture, Classifier
from pipelines.vision.data import Split
from pipelines.vision.draws import seed_for, torch_generator
from pipelines.vision.method import Labelled, Method, Step, TrainingData, pixels

Weights = dict[str, NDArray[np.generic]]


class Diverged(ArithmeticError):
    """The loss became infinite or not a number."""


@dataclass(frozen=True)
class Budget:
    """How much training a run gets: the same for every method of a study."""

    epochs: int
    batch_size: int
    learning_rate: float
    weight_decay: float
    precision: str
    shift: int
    flip: bool


def budget(
    *,
    epochs: Count,
    batch_size: Count = 64,
    learning_rate: Positive = 2e-3,
    weight_decay: NonNegative = 5e-4,
    precision: Literal["float32", "bfloat16"] = "float32",
    shift: Whole = 0,
    flip: bool = False,
) -> Budget:
    """epochs over the training split; learning_rate: the schedule's peak; precision: of the forward pass (bfloat16 by
    autocast; evaluation is always float32); shift: random translation in pixels; flip: random mirroring."""
    return Budget(epochs, batch_size, learning_rate, weight_decay, precision, shift, flip)


@dataclass(frozen=True)
class Trained:
    """A trained classifier's weights and what it took, at the end or on the way.

    weights  arrays by name
    flops    of the training so far: counted in the first step of each of the method's phases, and after the last step
    loss     mean over the last epoch of steps
    """

    weights: Mapping[str, NDArray[np.generic]]
    flops: float
    steps: int
    loss: float


def train(
    architecture: Architecture,
    method: Method,
    splits: Mapping[str, Split],
    classes: int,
    budget: Budget,
    seed: int,
    device: str = "cpu",
    checkpoints: Collection[int] = (),
) -> list[Trained]:
    """Train from scratch; the classifier after each of the steps in `checkpoints`, in order, then at the end. Every
    draw comes from `seed`. Raises Diverged. A method's `finish` is for the end alone.
    """
    size = splits["train"].images.shape[1]
    model = method.build(architecture, classes, size, seed_for(seed, "weights")).to(device)
    generator = torch_generator(seed, "method")
    data = method.prepare(training_data(splits, method, classes, device), generator)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed_for(seed, "dropout"))
        flops, losses, kept = fit(model, method, data, budget, torch_generator(seed, "order"), generator, checkpoints)
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
        with torch.autocast(step.images.device.type, torch.bfloat16, enabled=budget.precision == "bfloat16"):
            return method.loss(step)

    model.train()
    for _ in range(budget.epochs):
        permutation = torch.randperm(len(data), generator=order).to(data.images.device)
        for rows in permutation[: steps_an_epoch * batch].view(steps_an_epoch, batch):
            images = augment(pixels(data.images[rows]), budget, order)
            step = Step(model, images, data.labels[rows], data.groups[rows], data, generator, len(losses) / steps)
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


def steps_of(images: int, budget: Budget) -> int:
    """The steps of a training on so many images."""
    return budget.epochs * (images // min(budget.batch_size, images))


def augment(images: Tensor, budget: Budget, generator: torch.Generator) -> Tensor:
    """Images moved by up to `shift` pixels (edges repeated) and mirrored, each by its own draw."""
    count, _, height, width = images.shape
    if budget.shift:
        moves = torch.randint(-budget.shift, budget.shift + 1, (2, count, 1), generator=generator).to(images.device)
        rows = (torch.arange(height, device=images.device) + moves[0]).clamp(0, height - 1)
        columns = (torch.arange(width, device=images.device) + moves[1]).clamp(0, width - 1)
        each = torch.arange(count, device=images.device)
        images = images.permute(0, 2, 3, 1)[each[:, None, None], rows[:, :, None], columns[:, None, :]]
        images = images.permute(0, 3, 1, 2)
    if budget.flip:
        mirrored = torch.rand(count, 1, 1, 1, generator=generator).to(images.device) < 0.5
        images = torch.where(mirrored, images.flip(3), images)
    return images.contiguous(memory_format=torch.channels_last)


def training_data(splits: Mapping[str, Split], method: Method, classes: int, device: str) -> TrainingData:
    """The training split and those that the method asks for beside it, as tensors on the device; with groups where it
    says that it needs them."""

    def labelled(split: Split) -> Labelled:
        groups = split.groups if method.groups else np.full_like(split.groups, -1)
        arrays = (channels_first(split.images), torch.from_numpy(split.labels), torch.from_numpy(groups))
        return Labelled(*(array.to(device) for array in arrays))

    train = labelled(splits["train"])
    beside = {name: labelled(splits[name]) for name in method.splits}
    return TrainingData(train.images, train.labels, train.groups, classes, beside)


def channels_first(images: NDArray[np.uint8]) -> Tensor:
    """[n, height, width, 3] as a tensor of shape [n, 3, height, width], without a copy: channels last in memory."""
    with warnings.catch_warnings():  # arrays from the object store are read-only, and stay unwritten
        warnings.simplefilter("ignore", UserWarning)
        return torch.from_numpy(images).permute(0, 3, 1, 2)


def weights_of(model: Classifier) -> Weights:
    """The model's state as contiguous arrays of their own."""
    state = model.backbone.state_dict()
    return {name: value.detach().cpu().contiguous().numpy().copy() for name, value in state.items()}
