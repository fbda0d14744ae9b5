"""The share of inliers flagged at the threshold that flags at least 95 % of outliers.

In [0, 1], 0.95 for an uninformed score. Outliers (labels below 0) are the positives: with the inliers as positives
the same scores give another number. The threshold is the highest outlier score that reaches 95 %; scores equal to it
are flagged. Standard error over outliers and over inliers: the bootstrap's, in closed form (Maritz & Jarrett 1978);
None where either has one example. n is the number of inliers.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipelines.metrics._ranks import chances_as_rank
from pipelines.metrics._scores import Score, outlier_scores, score_needs
from pipelines.metrics._softmax import Reals
from pipelines.outcomes import Measured, Outcomes

HIGHER_IS_BETTER = False
RANGE = (0.0, 1.0)
CHANCE: float | None = 0.95
NEEDS: tuple[str, ...] = ("labels", "outliers")


def needs(options: Mapping[str, Any]) -> tuple[str, ...]:
    """What it needs of the outcomes with these options."""
    return (*NEEDS, *score_needs(options))


def metric(*, score: Score = "msp") -> Callable[[Outcomes], Measured]:
    """score: of `_scores.py`: from logits (msp, max_logit, energy), or from features (mahalanobis,
    relative_mahalanobis, knn, vim)."""

    def fpr_at_95_tpr(outcomes: Outcomes) -> Measured:
        return false_positive_rate(*outlier_scores(outcomes, score))

    return fpr_at_95_tpr


def false_positive_rate(scores: Reals, outlying: NDArray[np.bool_]) -> Measured:
    """The share of negatives at or above the threshold; at least one of each."""
    positive, negative = scores[outlying], scores[~outlying]
    m, n = len(positive), len(negative)
    needed = -(-95 * m // 100)
    thresholds = np.sort(positive)[::-1]
    rates = 1 - np.searchsorted(np.sort(negative), thresholds) / n
    value = float(rates[needed - 1])
    if m == 1 or n == 1:
        return Measured(value, None, n)
    chances = chances_as_rank(m, needed)
    mean = chances @ rates
    variance = chances @ (rates - mean) ** 2 + chances @ (rates * (1 - rates)) / n
    return Measured(value, float(np.sqrt(variance)), n)
