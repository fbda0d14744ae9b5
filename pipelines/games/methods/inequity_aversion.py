"""Inequity aversion: payoffs that differ are disliked, the more so when one's own is the lower (Fehr & Schmidt 1999,
doi 10.1162/003355399556151; for learners Hughes et al. 2018, arXiv 1803.08884)."""

from torch import Tensor

from pipelines.games.method import Method
from pipelines.parts import NonNegative

TUNED = {"envy": (0.05, 2.0, "log"), "guilt": (0.05, 0.9, "linear")}


def method(*, envy: NonNegative = 0.5, guilt: NonNegative = 0.4) -> Method:
    """envy: of what the other has more. guilt: of what the other has less. Cost 1. Claimed gains: equality, welfare."""

    def utility(payoffs: Tensor) -> Tensor:
        more = payoffs[:, 1] - payoffs[:, 0]
        return payoffs[:, 0] - envy * more.clamp(min=0) - guilt * (-more).clamp(min=0)

    return Method(utility)
