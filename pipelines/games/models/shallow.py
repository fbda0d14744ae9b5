"""A policy network of one hidden layer and tanh."""

from torch import nn

from pipelines.games.policy import LOGITS, PAYOFFS, Architecture
from pipelines.parts import Count


def model(*, width: Count) -> Architecture:
    """width: units of the hidden layer."""
    return lambda: nn.Sequential(nn.Linear(PAYOFFS, width), nn.Tanh(), nn.Linear(width, LOGITS))
