"""The training of an image classifier: what of `pipelines.supervised.training` depends on its inputs being images."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Literal

import torch
from torch import Tensor

from pipelines.parts import Count, NonNegative, Positive, Whole
from pipelines.supervised import training
from pipelines.supervised.method import Method, TrainingData
from pipelines.supervised.training import Trained
from pipelines.vision.architecture import Architecture, build
from pipelines.vision.data import Split
from pipelines.vision.tensors import channels_first, pixels


@dataclass(frozen=True)
class Budget(training.Budget):
    """How much training a run gets, and how its images are augmented."""

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
    draw comes from `seed`. Raises Diverged.
    """
    fresh = partial(build, architecture, classes, splits["train"].images.shape[1])
    augmented = partial(augment, budget)
    return training.train(
        fresh, method, training_data(splits, method, classes, device), budget, seed, checkpoints, augmented
    )


def training_data(splits: Mapping[str, Split], method: Method, classes: int, device: str) -> TrainingData:
    """The training split and those that the method asks for beside it, as tensors on the device."""

    def inputs(split: Split) -> Tensor:
        return channels_first(split.images)

    return training.training_data(splits, method, classes, device, inputs, pixels)


def augment(budget: Budget, images: Tensor, generator: torch.Generator) -> Tensor:
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
