"""The average precision of attacks where a stated share of all rows are attacks.

In (0, 1]; an uninformed score has the base rate. Precision at a score is what it would be if the examples' attacks were
that share of the traffic: in most networks far less than in a test set (Axelsson 2000, doi 10.1145/357830.357849). The
score is one minus the probability of the benign class; all rows of other labels are attacks, known or (below 0) not.
Standard error over attacks and over benign rows by influence function; None where either has one example. n is the
number of attacks.
"""

from collections.abc import Callable
from typing import Annotated

import numpy as np
from numpy.typing import NDArray

from pipelines.metrics._attacks import detection
from pipelines.metrics._softmax import Reals
from pipelines.outcomes import Measured, Outcomes
from pipelines.parts import Range, Whole

HIGHER_IS_BETTER = True
RANGE = (0.0, 1.0)
CHANCE: float | None = 0.01
NEEDS: tuple[str, ...] = ("labels",)


def metric(
    *, base_rate: Annotated[float, Range(0, 0.99, low_open=True)] = 0.01, benign: Whole = 0
) -> Callable[[Outcomes], Measured]:
    """base_rate: the share of rows that are attacks. benign: the class that is no attack."""

    def attack_aupr(outcomes: Outcomes) -> Measured:
        return average_precision(*detection(outcomes, benign), base_rate)

    return attack_aupr


def average_precision(scores: Reals, positive: NDArray[np.bool_], base_rate: float) -> Measured:
    """The mean precision over the positives' scores if these were such a share of all; at least one of each."""
    m, n = int(positive.sum()), int((~positive).sum())
    levels, place = np.unique(-scores, return_inverse=True)
    hits = np.bincount(place[positive], minlength=len(levels)) / m
    true = base_rate * hits.cumsum()
    false = (1 - base_rate) * np.bincount(place[~positive], minlength=len(levels)).cumsum() / n
    flagged = true + false
    precision = np.divide(true, flagged, out=np.zeros_like(true), where=flagged > 0)
    value = float(precision @ hits)
    if m == 1 or n == 1:
        return Measured(value, None, m)
    # what one more example at a level does to the precision at that level and all below it
    slope = np.divide(hits, flagged**2, out=np.zeros_like(true), where=flagged > 0)
    of_positive = precision + (base_rate * slope * false)[::-1].cumsum()[::-1]
    of_negative = -((1 - base_rate) * slope * true)[::-1].cumsum()[::-1]
    influence = np.where(positive, of_positive[place], of_negative[place])
    variance = influence[positive].var(ddof=1) / m + influence[~positive].var(ddof=1) / n
    for rows, size in ((positive, m), (~positive, n)):
        influence[rows] = (influence[rows] - influence[rows].mean()) / size
    return Measured(value, float(np.sqrt(variance)), m, influence)
