"""The rank correlation of attributions with those of the same model with its weights in random order.

In [-1, 1], best at 0, where attributions tell of the model; far from it they tell of the image alone and no number made
from them says anything of the model: a check, to be read beside such numbers (Adebayo et al. 2018, arXiv 1810.03292).
Spearman's, of the attributions' sizes, the mean over the images that the model has right. Standard error over those
images.
"""

from collections.abc import Callable

from pipelines.metrics._attributions import mean_where_right
from pipelines.outcomes import Measured, Outcomes

HIGHER_IS_BETTER = False
RANGE = (-1.0, 1.0)
TARGET = 0.0
CHANCE: float | None = 0.0
NEEDS: tuple[str, ...] = ("labels", "randomised_agreement")


def metric() -> Callable[[Outcomes], Measured]:
    """No options."""

    def attribution_sanity(outcomes: Outcomes) -> Measured:
        return mean_where_right(outcomes, "randomised_agreement")

    return attribution_sanity
