"""The share of examples proved to be answered right throughout the box around them.

In [0, 1]; a lower bound on the accuracy under any attack of that size. No value for a model through which no bounds
can be followed. Rows with a label below 0 do not enter. Standard error over examples.
"""

from collections.abc import Callable

from pipelines.metrics._examples import known_rows, mean_over_examples
from pipelines.metrics._values import UNBOUNDED, known_values
from pipelines.outcomes import Measured, Outcomes

HIGHER_IS_BETTER = True
RANGE = (0.0, 1.0)
CHANCE: float | None = None
NEEDS: tuple[str, ...] = ("labels", "verified")


def metric() -> Callable[[Outcomes], Measured]:
    """No options."""

    def verified_accuracy(outcomes: Outcomes) -> Measured:
        verified = known_values(outcomes, "verified", UNBOUNDED)
        return mean_over_examples(verified, known_rows(outcomes))

    return verified_accuracy
