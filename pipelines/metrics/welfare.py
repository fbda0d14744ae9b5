"""The sum of both players' payoffs, from the least to the most that a game has.

In [0, 1]. The condition recorded it of every game. Rows with a label below 0 do not enter. Standard error over games.
"""

from collections.abc import Callable

from pipelines.metrics._recorded import mean_of
from pipelines.outcomes import Measured, Outcomes

HIGHER_IS_BETTER = True
RANGE = (0.0, 1.0)
CHANCE: float | None = None
NEEDS: tuple[str, ...] = ("welfare",)


def metric() -> Callable[[Outcomes], Measured]:
    """No options."""
    return mean_of("welfare")
