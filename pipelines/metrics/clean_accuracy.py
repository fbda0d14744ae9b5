"""The share of examples whose unchanged image the model answers right, under a condition that changes it.

In [0, 1]: on the same examples as accuracy under attack, verified accuracy or the smoothed classifier's, which it is to
be compared with. Rows with a label below 0 do not enter. Standard error over examples.
"""

from collections.abc import Callable

from pipelines.metrics._examples import known_rows, mean_over_examples
from pipelines.metrics._values import known_values
from pipelines.outcomes import Measured, Outcomes

HIGHER_IS_BETTER = True
RANGE = (0.0, 1.0)
CHANCE: float | None = None
NEEDS: tuple[str, ...] = ("labels", "right_when_clean")


def metric() -> Callable[[Outcomes], Measured]:
    """No options."""

    def clean_accuracy(outcomes: Outcomes) -> Measured:
        return mean_over_examples(known_values(outcomes, "right_when_clean"), known_rows(outcomes))

    return clean_accuracy
