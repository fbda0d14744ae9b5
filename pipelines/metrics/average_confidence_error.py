"""How far accuracy predicted without labels, as the mean confidence, is from the accuracy.

In [0, 1]: the size of `overconfidence`. Confidence is the highest probability; better predictions come at the model's
temperature (`scaled: true`). Where it is near 0 chance puts it up, so it compares models on the same number of
examples. Rows with a label below 0 do not enter. Standard error over examples, of a folded normal; None for one
example.
"""

from collections.abc import Callable

from pipelines.metrics._absolute import absolute
from pipelines.metrics._examples import known, known_rows, mean_over_examples, right
from pipelines.metrics._softmax import confidence
from pipelines.outcomes import Measured, Outcomes

HIGHER_IS_BETTER = False
RANGE = (0.0, 1.0)
CHANCE: float | None = None
NEEDS: tuple[str, ...] = ("labels",)


def metric() -> Callable[[Outcomes], Measured]:
    """No options."""

    def average_confidence_error(outcomes: Outcomes) -> Measured:
        logits, labels = known(outcomes)
        return absolute(mean_over_examples(confidence(logits) - right(logits, labels), known_rows(outcomes)))

    return average_confidence_error
