"""The share of examples whose label has the highest logit.

In [0, 1]. Rows with a label below 0 do not enter. A tie goes to the first class. Standard error over examples.
"""

from collections.abc import Callable

from pipelines.metrics._examples import known, known_rows, mean_over_examples, right
from pipelines.outcomes import Measured, Outcomes

HIGHER_IS_BETTER = True
RANGE = (0.0, 1.0)
CHANCE: float | None = None
NEEDS: tuple[str, ...] = ("labels",)


def metric() -> Callable[[Outcomes], Measured]:
    """No options."""

    def accuracy(outcomes: Outcomes) -> Measured:
        return mean_over_examples(right(*known(outcomes)), known_rows(outcomes))

    return accuracy
