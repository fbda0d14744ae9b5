"""The mean distance of the forecast from the true probabilities, where the data have them.

In [0, sqrt 2]: the Euclidean distance over classes, which the condition recorded as `distance_to_truth`. What labels
can only show on average, in bins. Rows with a label below 0 do not enter. Standard error over examples.
"""

import math
from collections.abc import Callable

from pipelines.metrics._recorded import mean_of
from pipelines.outcomes import Measured, Outcomes

HIGHER_IS_BETTER = False
RANGE = (0.0, math.sqrt(2))
CHANCE: float | None = None
NEEDS: tuple[str, ...] = ("distance_to_truth",)


def metric() -> Callable[[Outcomes], Measured]:
    """No options."""
    return mean_of("distance_to_truth")
