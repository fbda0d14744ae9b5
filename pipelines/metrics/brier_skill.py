"""One minus the Brier score over that of the climatology, the same forecast for all (Murphy 1973, J. Appl. Meteor. 12).

At most 1; 0 for the classes' shares among the examples themselves, below it for worse. Rows with a label below 0 do not
enter; unmeasurable where all have one label. Standard error over examples by influence function; None for one example.
"""

import math
from collections.abc import Callable

import numpy as np

from pipelines.metrics._examples import by_influence, known, known_rows, on_rows
from pipelines.metrics._softmax import softmax
from pipelines.outcomes import Measured, Outcomes, Unmeasurable

HIGHER_IS_BETTER = True
RANGE = (-math.inf, 1.0)
CHANCE: float | None = 0.0
NEEDS: tuple[str, ...] = ("labels",)


def metric() -> Callable[[Outcomes], Measured]:
    """No options."""

    def brier_skill(outcomes: Outcomes) -> Measured:
        logits, labels = known(outcomes)
        corner = np.eye(logits.shape[1])[labels]
        share = corner.mean(axis=0)
        of_climatology = ((corner - share) ** 2).sum(axis=1)
        if not of_climatology.any():
            raise Unmeasurable("all examples have one label")
        ratio = ((softmax(logits) - corner) ** 2).sum(axis=1).mean() / of_climatology.mean()
        each = ((softmax(logits) - corner) ** 2).sum(axis=1) - ratio * of_climatology
        return on_rows(by_influence(float(1 - ratio), -each / of_climatology.mean()), known_rows(outcomes))

    return brier_skill
