"""The share of attacks that score above a threshold which at most 1 % of benign rows pass.

In [0, 1], 0.01 for an uninformed score. The score is one minus the probability of the benign class; all rows of other
labels are attacks, known or (below 0) not. With fewer than 100 benign rows none may pass. Standard error over attacks
and over benign rows: the bootstrap's, in closed form (Maritz & Jarrett 1978); None where either has one example. n is
the number of attacks.
"""

from collections.abc import Callable

import numpy as np

from pipelines.metrics._attacks import detection
from pipelines.metrics._ranks import chances_as_rank
from pipelines.outcomes import Measured, Outcomes
from pipelines.parts import Whole

HIGHER_IS_BETTER = True
RANGE = (0.0, 1.0)
CHANCE: float | None = 0.01
NEEDS: tuple[str, ...] = ("labels",)


def metric(*, benign: Whole = 0) -> Callable[[Outcomes], Measured]:
    """benign: the class that is no attack."""

    def caught_at_1_fpr(outcomes: Outcomes) -> Measured:
        scores, attacks = detection(outcomes, benign)
        hostile, thresholds = np.sort(scores[attacks]), np.sort(scores[~attacks])
        m, n = len(hostile), len(thresholds)
        caught = 1 - np.searchsorted(hostile, thresholds, side="right") / m
        rank = n - n // 100
        value = float(caught[rank - 1])
        if m == 1 or n == 1:
            return Measured(value, None, m)
        chances = chances_as_rank(n, rank)
        variance = chances @ (caught - chances @ caught) ** 2 + chances @ (caught * (1 - caught)) / m
        return Measured(value, float(np.sqrt(variance)), m)

    return caught_at_1_fpr
