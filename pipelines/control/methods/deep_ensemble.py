"""Deep ensemble: the mean of the probabilities of agents trained from different weights, each on its own play
(Lakshminarayanan et al. 2017, arXiv 1612.01474)."""

from pipelines.control.method import Method
from pipelines.parts import Count


def method(*, members: Count = 3) -> Method:
    """members: agents; the first is the one that standard training has at the same seed. Cost: members. Claimed gain:
    capability."""
    return Method(members=members, cost=float(members))
