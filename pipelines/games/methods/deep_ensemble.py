"""Deep ensemble: the mean of the policies of networks trained from different weights (Lakshminarayanan et al. 2017,
arXiv 1612.01474)."""

from functools import partial

from pipelines.games.method import Method
from pipelines.games.policy import Averaged, Build, Policy
from pipelines.parts import Count
from pipelines.supervised.draws import seed_for


def method(*, members: Count = 3) -> Method:
    """members: networks, each with its own first weights; all see the same games and opponents, each plays with its own
    copy. Cost: members. Claimed gain: capability."""
    return Method(build=partial(ensemble, members), cost=float(members))


def ensemble(members: int, build: Build, seed: int) -> Policy:
    """Freshly initialised members; the first is what standard training has at the same seed."""
    seeds = [seed, *(seed_for(seed, f"member/{number}") for number in range(1, members))]
    return Averaged([build(own) for own in seeds])
