"""The mean of the shortest way over the steps taken, 0 for an episode that does not reach the goal.

In [0, 1]: success weighted by path length (Anderson et al. 2018, arXiv 1807.06757). Standard error over episodes.
"""

from collections.abc import Callable

from pipelines.metrics._episodes import mean_over_episodes
from pipelines.metrics._softmax import Reals
from pipelines.outcomes import Measured, Outcomes

HIGHER_IS_BETTER = True
RANGE = (0.0, 1.0)
CHANCE: float | None = None
NEEDS: tuple[str, ...] = ("reached", "shortest", "steps")


def metric() -> Callable[[Outcomes], Measured]:
    """No options."""
    return mean_over_episodes(weighted_by_way, *NEEDS)


def weighted_by_way(reached: Reals, shortest: Reals, steps: Reals) -> Reals:
    """Of each episode."""
    return reached * shortest / steps
