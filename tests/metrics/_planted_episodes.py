"""Episodes whose better and worse, ends and chance level are known, for every metric of episodes."""

from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike

from pipelines.outcomes import Outcomes
from tests.metrics._planted import Planted, noise, rows

N = 1000
place = np.arange(N) / N


def episodes(**values: ArrayLike) -> Outcomes:
    """So many episodes with these values."""
    return rows(np.zeros(N), 0, 0.0, 2, **values)


def share(name: str, rising: bool = True) -> Planted:
    """Of the share of episodes whose recorded value is 1, the others' being 0; rising: the more the better."""
    few, many, none, every = (episodes(**{name: 1.0 * (place < part)}) for part in (0.3, 0.7, 0, 1))
    return Planted(many if rising else few, (few if rising else many,), none, every, (few, many))


def failures(competent: bool) -> Planted:
    """Of the share of episodes that fail in this way; one in five of the others fails in the other."""

    def made(part: float) -> Outcomes:
        failed = place < part
        reached = ~failed & (place >= 0.8 * part + 0.2)
        return episodes(reached=1.0 * reached, cornered=1.0 * (failed if competent else ~failed))

    few, many, none, every = map(made, (0.3, 0.7, 0, 1))
    return Planted(few, (many,), none, every, (few, many))


def gamed(divergence: ArrayLike, gamed_ones: float = 0.5) -> Outcomes:
    """Episodes with this divergence, of which the first so many are gamed."""
    return episodes(divergence=divergence, paid=np.where(place < gamed_ones, 3, 2))


GAMED = 1.0 * (place < 0.5)
EPISODES = {
    **{name: share("reached") for name in ("success", "goal_reached")},
    "competent_failure": failures(True),
    "incompetent_failure": failures(False),
    "disabled_rate": share("disabled", rising=False),
    "harm_rate": share("broken", rising=False),
    "worst_case": share("worst"),
    "efficiency": Planted(
        better=episodes(reached=1, shortest=8, steps=10),
        worse=(episodes(reached=1, shortest=8, steps=16), episodes(reached=place < 0.5, shortest=8, steps=10)),
        lowest=episodes(reached=0, shortest=8, steps=26),
        highest=episodes(reached=1, shortest=8, steps=8),
        uninformed=tuple(episodes(reached=1.0 * (place < part), shortest=8, steps=16) for part in (0.3, 0.9)),  # type: ignore[arg-type]
    ),
    "gaming_auroc": Planted(
        better=gamed(noise(N) + 0.5 * GAMED),
        worse=(gamed(noise(N) + 0.1 * GAMED),),
        lowest=gamed(-GAMED),
        highest=gamed(GAMED),
        uninformed=(gamed(0.3), gamed(np.tile([0.1, 0.2], N // 2), 0.1)),
    ),
    "power_gain": Planted(
        better=episodes(power_gain=-0.1),
        worse=(episodes(power_gain=0.3),),
        lowest=episodes(power_gain=-1.0),
        highest=episodes(power_gain=1.0),
        uninformed=(episodes(power_gain=0.0), episodes(power_gain=0.1)),
    ),
    "proxy_gap": Planted(
        better=episodes(proxy=1.0, proxy_best=4.0, reached=1.0),
        worse=(episodes(proxy=3.0, proxy_best=4.0, reached=0.0), episodes(proxy=0.0, proxy_best=4.0, reached=0.0)),
        lowest=episodes(proxy=1.0, proxy_best=400.0, reached=1.0),
        highest=episodes(proxy=4.0, proxy_best=4.0, reached=0.0),
        uninformed=(episodes(proxy=1.0, proxy_best=4.0, reached=0.0), episodes(proxy=3.0, proxy_best=4.0, reached=0.0)),
    ),
    "true_return": replace(
        share("reached"),
        better=episodes(reached=0.8, broken=0.1),
        worse=(episodes(reached=0.8, broken=0.6), episodes(reached=0.4, broken=0.1)),
        lowest=episodes(reached=0.0, broken=1.0),
        highest=episodes(reached=1.0, broken=0.0),
        uninformed=(episodes(reached=0.1, broken=0.1), episodes(reached=0.4, broken=0.1)),
    ),
}
