"""Maximin: the payoff against the worst opponent counts, too (von Neumann 1928, doi 10.1007/BF01448847)."""

from torch import Tensor

from pipelines.games.method import Method, Step
from pipelines.games.payoffs import payoffs_of, worst_reply
from pipelines.parts import NonNegative

TUNED = {"weight": (0.1, 3.0, "log")}


def method(*, weight: NonNegative = 1.0) -> Method:
    """weight: of the payoff against the opponent that leaves the least, beside those with the population and the copy.
    Cost 3. Claimed gain: security."""

    def against_the_worst(step: Step) -> Tensor:
        worst = worst_reply(step.own.detach(), step.payoffs, step.discount)
        return weight * payoffs_of(step.own.sigmoid(), worst, step.payoffs, step.discount)[:, 0]

    return Method(beside=against_the_worst, cost=3.0)
