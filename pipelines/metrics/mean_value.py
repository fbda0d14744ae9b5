"""The mean of a value that the condition recorded of every example or episode, such as an agent's return.

In the value's own unit, higher is better: a cost is recorded with a minus. Rows with a label below 0 do not enter.
Standard error over examples.
"""

import math
from collections.abc import Callable, Mapping
from typing import Any

from pipelines.metrics._episodes import as_recorded, mean_over_episodes
from pipelines.outcomes import Measured, Outcomes

HIGHER_IS_BETTER = True
RANGE = (-math.inf, math.inf)
CHANCE: float | None = None
NEEDS: tuple[str, ...] = ()


def needs(options: Mapping[str, Any]) -> tuple[str, ...]:
    """The value."""
    return (str(options["of"]),)


def metric(*, of: str) -> Callable[[Outcomes], Measured]:
    """of: the name of the value."""
    return mean_over_episodes(as_recorded, of)
