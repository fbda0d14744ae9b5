"""The share of examples that the attack does not break but that are not proved to hold.

In [0, 1]: accuracy under the attack minus verified accuracy, on the same examples; what is not known of the accuracy
under the best attack. No value for a model through which no bounds can be followed. Rows with a label below 0 do not
enter. Standard error over examples.
"""

from collections.abc import Callable

from pipelines.metrics._examples import known, known_rows, mean_over_examples, right
from pipelines.metrics._values import UNBOUNDED, known_values
from pipelines.outcomes import Measured, Outcomes

HIGHER_IS_BETTER = False
RANGE = (0.0, 1.0)
CHANCE: float | None = None
NEEDS: tuple[str, ...] = ("labels", "verified")


def metric() -> Callable[[Outcomes], Measured]:
    """No options."""

    def looseness(outcomes: Outcomes) -> Measured:
        verified = known_values(outcomes, "verified", UNBOUNDED)
        return mean_over_examples(right(*known(outcomes)) - verified, known_rows(outcomes))

    return looseness
