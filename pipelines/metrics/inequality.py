"""The difference of both players' payoffs, without its sign.

In [0, 1], in units of the payoffs, which are in [0, 1]. The condition recorded it of every game. Rows with a label
below 0 do not enter. Standard error over games.
"""

from collections.abc import Callable

from pipelines.metrics._recorded import mean_of
from pipelines.outcomes import Measured, Outcomes

HIGHER_IS_BETTER = False
RANGE = (0.0, 1.0)
CHANCE: float | None = None
NEEDS: tuple[str, ...] = ("inequality",)


def metric() -> Callable[[Outcomes], Measured]:
    """No options."""
    return mean_of("inequality")
