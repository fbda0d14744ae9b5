"""What was recorded of attributions, over the images that the model has right: why it errs is another question, and
the margin that is explained is below 0 there.
"""

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from pipelines.metrics._examples import known, known_rows, mean_over_examples, on_rows, right
from pipelines.metrics._softmax import Reals
from pipelines.outcomes import Measured, Outcomes, Unmeasurable


def answered_right(outcomes: Outcomes) -> NDArray[np.bool_]:
    """Which rows are of a known class and have it right [all rows]. Raises Unmeasurable where none has."""
    rows = known_rows(outcomes)
    rows[rows] = right(*known(outcomes))
    if not rows.any():
        raise Unmeasurable(f"none of {int(known_rows(outcomes).sum())} answers is right")
    return rows


def mean_where_right(outcomes: Outcomes, name: str) -> Measured:
    """The mean of a named value over the right answers. Raises Unmeasurable."""
    rows = answered_right(outcomes)
    return mean_over_examples(outcomes.values[name][rows], rows)


def gain_over_random(outcomes: Outcomes, order: Literal["deletion", "insertion"]) -> Measured:
    """How far the area under an order's curve differs, to the good, from that under a random order's, as a share of
    that: sums over the right answers, so that no small area of one image counts. Standard error by influence function.
    Raises Unmeasurable where the random area is within two standard errors of 0.
    """
    rows = answered_right(outcomes)
    area, random = (outcomes.values[f"{name}_area"][rows].astype(np.float64) for name in (order, "random"))
    level = mean_over_examples(random, rows)
    if level.value <= 2 * (level.standard_error or 0):
        raise Unmeasurable("the logit margin does not fall when pixels are removed at random")
    ratio, sign = float(area.sum() / random.sum()), -1 if order == "deletion" else 1
    influence: Reals = sign * (area - ratio * random) / random.sum()
    n = len(area)
    error = float(np.sqrt(influence @ influence * n / (n - 1))) if n > 1 else None
    return on_rows(Measured(sign * (ratio - 1), error, n, influence), rows)
