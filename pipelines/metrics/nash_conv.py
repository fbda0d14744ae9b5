"""What the players would gain by a best reply, each alone, summed (NashConv, Lanctot et al. 2017, arXiv 1711.00832).

In [0, 2], in units of the payoffs, which are in [0, 1]; 0 in equilibrium. The condition recorded it of every game. Rows
with a label below 0 do not enter. Standard error over games.
"""

from collections.abc import Callable

from pipelines.metrics._recorded import mean_of
from pipelines.outcomes import Measured, Outcomes

HIGHER_IS_BETTER = False
RANGE = (0.0, 2.0)
CHANCE: float | None = None
NEEDS: tuple[str, ...] = ("nash_conv",)


def metric() -> Callable[[Outcomes], Measured]:
    """No options."""
    return mean_of("nash_conv")
