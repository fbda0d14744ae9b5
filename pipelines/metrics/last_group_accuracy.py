"""The accuracy on the last group: on the rarest classes under `long_tail`, on the hardest tenth under `difficulty`.

In [0, 1]. The last is the highest index that an example of a known class has. Standard error over examples.
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

    def last_group_accuracy(outcomes: Outcomes) -> Measured:
        correct = right(*known(outcomes))
        groups = outcomes.inliers().groups
        if groups.max() < 0:
            raise Unmeasurable("no examples of a known class in a group")
        last = groups == groups.max()
        rows = np.asarray(outcomes.labels >= 0)
        rows[rows] = last
        return mean_over_examples(correct[last], rows)

    return last_group_accuracy
