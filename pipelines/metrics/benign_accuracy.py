"""The share of examples without a trigger whose label has the highest logit: what a poisoned model can do otherwise.

In [0, 1]. Rows with a group, or with a label below 0, do not enter. Standard error over examples.
"""

from collections.abc import Callable

import numpy as np

from pipelines.metrics._examples import known, mean_over_examples, right
from pipelines.outcomes import Measured, Outcomes, Unmeasurable

HIGHER_IS_BETTER = True
RANGE = (0.0, 1.0)
CHANCE: float | None = None
NEEDS: tuple[str, ...] = ("labels", "groups")


def metric() -> Callable[[Outcomes], Measured]:
    """No options."""

    def benign_accuracy(outcomes: Outcomes) -> Measured:
        rows = np.asarray((outcomes.groups < 0) & (outcomes.labels >= 0))
        if not rows.any():
            raise Unmeasurable("no examples of a known class without a trigger")
        return mean_over_examples(right(*known(outcomes.rows(rows))), rows)

    return benign_accuracy
