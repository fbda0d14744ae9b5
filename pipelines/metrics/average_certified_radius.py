"""The mean radius within which the smoothed classifier provably answers right (Zhai et al. 2020, arXiv 2001.02378).

At least 0, in L2 with pixels in [0, 1]; 0 for an example answered wrong or abstained from, and at most the radius that
the condition's number of samples can show. Rows with a label below 0 do not enter. Standard error over examples.
"""

import math
from collections.abc import Callable

from pipelines.metrics._examples import known_rows, mean_over_examples
from pipelines.metrics._values import known_values
from pipelines.outcomes import Measured, Outcomes

HIGHER_IS_BETTER = True
RANGE = (0.0, math.inf)
CHANCE: float | None = None
NEEDS: tuple[str, ...] = ("labels", "certified_radius")


def metric() -> Callable[[Outcomes], Measured]:
    """No options."""

    def average_certified_radius(outcomes: Outcomes) -> Measured:
        return mean_over_examples(known_values(outcomes, "certified_radius"), known_rows(outcomes))

    return average_certified_radius
