"""Mean confidence minus accuracy: above 0 the model claims more than it delivers, below 0 less.

In [-1, 1], best at 0, where they agree on average. The sign that calibration errors hide: read it beside one, not
alone. Rows with a label below 0 do not enter. Standard error over examples.
"""

from collections.abc import Callable

from pipelines.metrics._examples import known, known_rows, mean_over_examples, right
from pipelines.metrics._softmax import confidence
from pipelines.outcomes import Measured, Outcomes

HIGHER_IS_BETTER = False
RANGE = (-1.0, 1.0)
TARGET = 0.0
CHANCE: float | None = None
NEEDS: tuple[str, ...] = ("labels",)


def metric() -> Callable[[Outcomes], Measured]:
    """No options."""

    def overconfidence(outcomes: Outcomes) -> Measured:
        logits, labels = known(outcomes)
        return mean_over_examples(confidence(logits) - right(logits, labels), known_rows(outcomes))

    return overconfidence
