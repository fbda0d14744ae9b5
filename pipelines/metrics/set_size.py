"""The mean number of classes in a conformal set.

At least 0: a set may be empty. Sets are those of `_conformal.py`, with the threshold from validation rows. How much a
forecast says at a coverage; read it beside `coverage_gap`. Rows with a label below 0 do not enter. Standard error over
examples, the threshold as it is.
"""

import math
from collections.abc import Callable

from pipelines.metrics._conformal import conformal_sets
from pipelines.metrics._examples import known_rows, mean_over_examples
from pipelines.outcomes import Measured, Outcomes
from pipelines.parts import Share

HIGHER_IS_BETTER = False
RANGE = (0.0, math.inf)
CHANCE: float | None = None
NEEDS: tuple[str, ...] = ("labels", "reference")


def metric(*, coverage: Share = 0.9) -> Callable[[Outcomes], Measured]:
    """coverage: the probability with which a set is to hold the label."""

    def set_size(outcomes: Outcomes) -> Measured:
        sets = conformal_sets(outcomes, coverage)
        return mean_over_examples((sets.scores <= sets.threshold).sum(axis=1), known_rows(outcomes))

    return set_size
