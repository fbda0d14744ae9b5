"""The share of examples that the smoothed classifier provably answers right within a radius (Cohen et al. 2019).

In [0, 1]; each example's proof fails with the probability alpha of its condition. Abstentions count as wrong. Rows with
a label below 0 do not enter. Standard error over examples.
"""

from collections.abc import Callable

from pipelines.metrics._examples import known_rows, mean_over_examples
from pipelines.metrics._values import known_values
from pipelines.outcomes import Measured, Outcomes
from pipelines.parts import NonNegative

HIGHER_IS_BETTER = True
RANGE = (0.0, 1.0)
CHANCE: float | None = None
NEEDS: tuple[str, ...] = ("labels", "certified_radius")


def metric(*, radius: NonNegative = 0.25) -> Callable[[Outcomes], Measured]:
    """radius: L2, pixels being in [0, 1]; at 0 the share that is right and not abstained from."""

    def certified_accuracy(outcomes: Outcomes) -> Measured:
        certified = known_values(outcomes, "certified_radius")
        return mean_over_examples((certified > 0) & (certified >= radius), known_rows(outcomes))

    return certified_accuracy
