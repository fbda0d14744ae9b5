"""The training of a language model: what of `pipelines.supervised.training` depends on its inputs being documents."""

from collections.abc import Collection, Mapping
from functools import partial
from typing import Literal

import torch
from torch import Tensor

from pipelines.language.architecture import Architecture, build
from pipelines.language.data import Split
from pipelines.language.method import Documents
from pipelines.language.vocabulary import Vocabulary
from pipelines.parts import Count, NonNegative, Positive
from pipelines.supervised import training
from pipelines.supervised.method import Method
from pipelines.supervised.training import Budget, Trained


def budget(
    *,
    epochs: Count = 1,
    batch_size: Count = 128,
    learning_rate: Positive = 0.01,
    weight_decay: NonNegative = 0.01,
    precision: Literal["float32", "bfloat16"] = "float32",
) -> Budget:
    """epochs over the training documents; learning_rate: the schedule's peak; precision: of the forward pass (bfloat16
    by autocast; evaluation is always float32)."""
    return Budget(epochs, batch_size, learning_rate, weight_decay, precision)


def train(
    architecture: Architecture,
    method: Method,
    splits: Mapping[str, Split],
    vocabulary: Vocabulary,
    budget: Budget,
    seed: int,
    device: str = "cpu",
    checkpoints: Collection[int] = (),
) -> list[Trained]:
    """Train from scratch; the model after each of the steps in `checkpoints`, in order, then at the end. Every draw
    comes from `seed`. Raises Diverged.
    """
    fresh = partial(build, architecture, vocabulary.size)
    return training.train(fresh, method, training_data(splits, method, vocabulary, device), budget, seed, checkpoints)


def training_data(splits: Mapping[str, Split], method: Method, vocabulary: Vocabulary, device: str) -> Documents:
    """The training split and those that the method asks for beside it, as tensors on the device."""
    data = training.training_data(splits, method, vocabulary.size, device, documents_of, as_they_are)
    return Documents(**vars(data), vocabulary=vocabulary)


def documents_of(split: Split) -> Tensor:
    """The documents as a tensor of its own."""
    return torch.tensor(split.documents)


def as_they_are(documents: Tensor) -> Tensor:
    """A model takes tokens as they are kept."""
    return documents
