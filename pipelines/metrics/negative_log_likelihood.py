"""The mean of minus the log probability of the label, in nats.

At least 0; a uniform forecast has log(classes). A proper score: it restates accuracy as much as calibration.
Rows with a label below 0 do not enter. Standard error over examples.
"""

import math
from collections.abc import Callable

import numpy as np

from pipelines.metrics._examples import known, known_rows, mean_over_examples
from pipelines.metrics._softmax import log_softmax
from pipelines.outcomes import Measured, Outcomes

HIGHER_IS_BETTER = False
RANGE = (0.0, math.inf)
CHANCE: float | None = None
NEEDS: tuple[str, ...] = ("labels",)


def metric() -> Callable[[Outcomes], Measured]:
    """No options."""

    def negative_log_likelihood(outcomes: Outcomes) -> Measured:
        logits, labels = known(outcomes)
        return mean_over_examples(-log_softmax(logits)[np.arange(len(labels)), labels], known_rows(outcomes))

    return negative_log_likelihood
