"""What is left of a payoff against the worst opponent, less what the better of the two moves secures.

In [-1, 1], in units of the payoffs, which are in [0, 1]; above 0 only for policies that mix. The condition recorded it
of every game. Rows with a label below 0 do not enter. Standard error over games.
"""

from collections.abc import Callable

from pipelines.metrics._recorded import mean_of
from pipelines.outcomes import Measured, Outcomes

HIGHER_IS_BETTER = True
RANGE = (-1.0, 1.0)
CHANCE: float | None = None
NEEDS: tuple[str, ...] = ("security",)


def metric() -> Callable[[Outcomes], Measured]:
    """No options."""
    return mean_of("security")
