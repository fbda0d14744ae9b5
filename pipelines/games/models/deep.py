"""A policy network of hidden layers and ReLU."""

from itertools import pairwise

from torch import nn

from pipelines.games.policy import LOGITS, PAYOFFS, Architecture
from pipelines.parts import Count


def model(*, width: Count, hidden: Count = 2) -> Architecture:
    """width: units of a hidden layer. hidden: number of these layers."""

    def build() -> nn.Module:
        sizes = pairwise([PAYOFFS, *[width] * hidden])
        layers = [part for n, m in sizes for part in (nn.Linear(n, m), nn.ReLU())]
        return nn.Sequential(*layers, nn.Linear(width, LOGITS))

    return build
