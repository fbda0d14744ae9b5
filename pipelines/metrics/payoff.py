"""What a policy gains above moves at random, as a share of what best replies gain above them.

In [-1, 1]; 0 for moves at random. The condition recorded it of every game, over all opponents that were met there.
Rows with a label below 0 do not enter. Standard error over games.
"""

from collections.abc import Callable

from pipelines.metrics._recorded import mean_of
from pipelines.outcomes import Measured, Outcomes

HIGHER_IS_BETTER = True
RANGE = (-1.0, 1.0)
CHANCE: float | None = 0.0
NEEDS: tuple[str, ...] = ("payoff",)


def metric() -> Callable[[Outcomes], Measured]:
    """No options."""
    return mean_of("payoff")
