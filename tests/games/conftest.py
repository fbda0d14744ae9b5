"""A few small games and policies for the tests of the games domain."""

from collections.abc import Callable

import pytest
import torch

from pipelines import parts
from pipelines.games.data import Dataset
from pipelines.games.policy import Policy, build


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def repeated() -> Dataset:
    options = {"train": 120, "capability": 60, "test": 60}
    dataset: Dataset = parts.load("pipelines.games.datasets", "repeated", options).load()
    return dataset


@pytest.fixture
def policy() -> Policy:
    return build(parts.load("pipelines.games.models", "deep", {"width": 8}), seed=0).eval()


class Always(Policy):
    """The same logits in every game."""

    def __init__(self, *logits: float):
        super().__init__(torch.nn.Linear(1, 1))
        self.logits = torch.tensor(logits, dtype=torch.float32)

    def forward(self, payoffs: torch.Tensor) -> torch.Tensor:
        return self.logits.expand(len(payoffs), 5)


@pytest.fixture
def always() -> Callable[..., Policy]:
    """A policy of these logits, whatever the game."""
    return Always
