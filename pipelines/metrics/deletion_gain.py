"""How much faster than at random the logit margin falls as pixels are removed, the highest attributed first.

(Area at random - area) / area at random (after Petsiuk et al. 2018, arXiv 1806.07421). 0 for attributions at random,
above 0 for those that find what the answer rests on, above 1 where the margin falls below that of the blank image, from
which areas are counted. Sums over the images that the model has right; unmeasurable where the margin hardly falls at
all. Standard error over those images.
"""

import math
from collections.abc import Callable

from pipelines.metrics._attributions import gain_over_random
from pipelines.outcomes import Measured, Outcomes

HIGHER_IS_BETTER = True
RANGE = (-math.inf, math.inf)
CHANCE: float | None = 0.0
NEEDS: tuple[str, ...] = ("labels", "deletion_area", "random_area")


def metric() -> Callable[[Outcomes], Measured]:
    """No options."""

    def deletion_gain(outcomes: Outcomes) -> Measured:
        return gain_over_random(outcomes, "deletion")

    return deletion_gain
