"""The average precision of outliers against inliers: precision at each outlier's score, averaged over outliers.

In (0, 1]; an uninformed score has the share of outliers, so compare only at the same share. Outliers (labels below 0)
are the positives. n is the number of outliers.
"""

from collections.abc import Callable, Mapping
from typing import Any

from pipelines.metrics._ranks import average_precision
from pipelines.metrics._scores import Score, outlier_scores, score_needs
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
