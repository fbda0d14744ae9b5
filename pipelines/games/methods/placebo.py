"""Standard training that sees the games in another order: a control in which the audit should find nothing."""

import torch
from torch import Tensor

from pipelines.games.method import Method


def method() -> Method:
    """No options. Cost 1."""
    return Method(prepare=shuffled)


def shuffled(games: Tensor, generator: torch.Generator) -> Tensor:
    """The same games in another order."""
    return games[torch.randperm(len(games), generator=generator).to(games.device)]
