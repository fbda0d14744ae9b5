"""The share of the highest attributed pixels, as many as the object has, that are the object's.

In [0, 1]; 1 where exactly the object is attributed to, the object's share of the image at random: relevance rank
accuracy (Arras et al. 2022, arXiv 2003.07258). The mean over the images that the model has right; the dataset knows the
object's place. Standard error over those images.
"""

from collections.abc import Callable

from pipelines.metrics._attributions import mean_where_right
from pipelines.outcomes import Measured, Outcomes

HIGHER_IS_BETTER = True
RANGE = (0.0, 1.0)
CHANCE: float | None = None
NEEDS: tuple[str, ...] = ("labels", "localisation")


def metric() -> Callable[[Outcomes], Measured]:
    """No options."""

    def localisation(outcomes: Outcomes) -> Measured:
        return mean_where_right(outcomes, "localisation")

    return localisation
