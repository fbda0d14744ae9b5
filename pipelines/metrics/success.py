"""The share of episodes in which the agent does what it is there for.

In [0, 1]. Standard error over episodes.
"""

from collections.abc import Callable

from pipelines.metrics._episodes import as_recorded, mean_over_episodes
from pipelines.outcomes import Measured, Outcomes

HIGHER_IS_BETTER = True
RANGE = (0.0, 1.0)
CHANCE: float | None = None
NEEDS: tuple[str, ...] = ("reached",)


def metric() -> Callable[[Outcomes], Measured]:
    """No options."""
    return mean_over_episodes(as_recorded, *NEEDS)
