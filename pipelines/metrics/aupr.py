"""The average precision of outliers against inliers: precision at each outlier's score, averaged over outliers.

In (0, 1]; an uninformed score has the share of outliers, so compare only at the same share. Outliers (labels below 0)
are the positives; precision at a score counts all that tie with it. Standard error over outliers and over inliers,
their numbers fixed, by influence function; None where either has one example. n is the number of outliers.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipelines.metrics._scores import Score, outlier_scores, score_needs
from pipelines.metrics._softmax import Reals
from pipelines.outcomes import Measured, Outcomes

HIGHER_IS_BETTER = True
RANGE = (0.0, 1.0)
CHANCE: float | None = None
NEEDS: tuple[str, ...] = ("labels", "outliers")


def needs(options: Mapping[str, Any]) -> tuple[str, ...]:
    """What it needs of the outcomes with these options."""
    return (*NEEDS, *score_needs(options))


def metric(*, score: Score = "msp") -> Callable[[Outcomes], Measured]:
    """score: of `_scores.py`: from logits (msp, max_logit, energy), or from features (mahalanobis,
    relative_mahalanobis, knn, vim)."""

    def aupr(outcomes: Outcomes) -> Measured:
        return average_precision(*outlier_scores(outcomes, score))

    return aupr


def average_precision(scores: Reals, positive: NDArray[np.bool_]) -> Measured:
    """The mean precision over the positives' scores; at least one of each."""
    m, n = int(positive.sum()), int((~positive).sum())
    levels, place = np.unique(-scores, return_inverse=True)
    hits = np.bincount(place[positive], minlength=len(levels))
    false = np.bincount(place[~positive], minlength=len(levels)).cumsum()
    true = hits.cumsum()
    precision = true / (true + false)
    value = float(precision @ hits) / m
    if m == 1 or n == 1:
        return Measured(value, None, m)
    # what one more example at a level does to the precision at that level and all below it
    by_positive = hits * false / (true + false) ** 2
    by_negative = -hits * true / (true + false) ** 2
    of_positive = precision + by_positive[::-1].cumsum()[::-1]
    of_negative = by_negative[::-1].cumsum()[::-1] * n / m
    influence = np.where(positive, of_positive[place], of_negative[place])
    variance = influence[positive].var(ddof=1) / m + influence[~positive].var(ddof=1) / n
    for rows, size in ((positive, m), (~positive, n)):
        influence[rows] = (influence[rows] - influence[rows].mean()) / size
    return Measured(value, float(np.sqrt(variance)), m, influence)
