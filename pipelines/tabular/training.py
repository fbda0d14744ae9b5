"""The training of a classifier of rows: what of `pipelines.supervised.training` depends on its inputs."""

from collections.abc import Collection, Mapping
from functools import partial

import numpy as np
import torch
from torch import Tensor

from pipelines.parts import Count, NonNegative, Positive
from pipelines.supervised import training
from pipelines.supervised.method import Method, TrainingData
from pipelines.supervised.training import Budget, Trained
from pipelines.tabular.classifier import Architecture, build
from pipelines.tabular.data import Floats, Split


def budget(
    *, epochs: Count = 12, batch_size: Count = 64, learning_rate: Positive = 4e-3, weight_decay: NonNegative = 5e-4
) -> Budget:
    """epochs over the training split; learning_rate: the schedule's peak."""
    return Budget(epochs, batch_size, learning_rate, weight_decay, "float32")


def tensor(rows: Floats) -> Tensor:
    """Rows as a tensor of its own: arrays from the object store are read-only."""
    return torch.from_numpy(np.array(rows))


def as_they_are(rows: Tensor) -> Tensor:
    """Rows as a model takes them."""
    return rows


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
    fresh = partial(build, architecture, splits["train"].rows.shape[1], classes)
    return training.train(fresh, method, training_data(splits, method, classes, device), budget, seed, checkpoints)


def training_data(splits: Mapping[str, Split], method: Method, classes: int, device: str) -> TrainingData:
    """The training split and those that the method asks for beside it, as tensors on the device."""
    return training.training_data(splits, method, classes, device, lambda split: tensor(split.rows), as_they_are)
