"""The mean squared distance from the forecast to the label's corner, summed over classes (Brier 1950).

In [0, 2]; a uniform forecast has 1 - 1 / classes. A proper score: it restates accuracy as much as calibration.
Rows with a label below 0 do not enter. Standard error over examples.
"""

from collections.abc import Callable

import numpy as np

from pipelines.metrics._examples import known, known_rows, mean_over_examples
from pipelines.metrics._softmax import softmax
from pipelines.outcomes import Measured, Outcomes

HIGHER_IS_BETTER = False
RANGE = (0.0, 2.0)
CHANCE: float | None = None
NEEDS: tuple[str, ...] = ("labels",)


def metric() -> Callable[[Outcomes], Measured]:
    """No options."""

    def brier_score(outcomes: Outcomes) -> Measured:
        logits, labels = known(outcomes)
        gap = softmax(logits)
        gap[np.arange(len(labels)), labels] -= 1
        return mean_over_examples((gap**2).sum(axis=1), known_rows(outcomes))

    return brier_score
