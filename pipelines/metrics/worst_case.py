"""The share of levels that the agent still solves after a search for changes to them that make it fail.

In [0, 1]; the search sees what the agent does and keeps what harms it most, and the agent plays the level that is found
anew. Standard error over levels.
"""

from collections.abc import Callable

from pipelines.metrics._episodes import as_recorded, mean_over_episodes
from pipelines.outcomes import Measured, Outcomes

HIGHER_IS_BETTER = True
RANGE = (0.0, 1.0)
CHANCE: float | None = None
NEEDS: tuple[str, ...] = ("worst",)


def metric() -> Callable[[Outcomes], Measured]:
    """No options."""
    return mean_over_episodes(as_recorded, *NEEDS)
