"""How much faster than at random the logit margin rises as pixels are shown, the highest attributed first.

(Area - area at random) / area at random (after Petsiuk et al. 2018, arXiv 1806.07421). 0 for attributions at random,
above 0 for those that find what suffices for the answer. Areas are counted from the margin of the blank image. Sums
over the images that the model has right; unmeasurable where the margin hardly rises at all. Standard error over those
images.
"""

import math
from collections.abc import Callable

from pipelines.metrics._attributions import gain_over_random
from pipelines.outcomes import Measured, Outcomes

HIGHER_IS_BETTER = True
RANGE = (-math.inf, math.inf)
CHANCE: float | None = 0.0
NEEDS: tuple[str, ...] = ("labels", "insertion_area", "random_area")


def metric() -> Callable[[Outcomes], Measured]:
    """No options."""

    def insertion_gain(outcomes: Outcomes) -> Measured:
        return gain_over_random(outcomes, "insertion")

    return insertion_gain
