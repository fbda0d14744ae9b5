"""Prosocial learning: the other's payoff counts, too (Peysakhovich & Lerer 2018, arXiv 1709.02865)."""

from torch import Tensor

from pipelines.games.method import Method
from pipelines.parts import Share

TUNED = {"weight": (0.05, 0.9, "linear")}


def method(*, weight: Share = 0.5) -> Method:
    """weight: of the other's payoff, the own having the rest. Cost 1. Claimed gain: welfare."""

    def utility(payoffs: Tensor) -> Tensor:
        return (1 - weight) * payoffs[:, 0] + weight * payoffs[:, 1]

    return Method(utility)
