"""The area under the ROC curve of outliers against inliers: how often an outlier scores above an inlier.

In [0, 1], 0.5 for an uninformed score. Outliers (labels below 0) are the positives; ties count half. Standard error
over outliers and over inliers (DeLong et al. 1988); None where either has one example.
"""

from collections.abc import Callable, Mapping
from typing import Any

from pipelines.metrics._ranks import area_under_roc
from pipelines.metrics._scores import Score, outlier_scores, score_needs
from pipelines.outcomes import Measured, Outcomes

HIGHER_IS_BETTER = True
RANGE = (0.0, 1.0)
CHANCE: float | None = 0.5
NEEDS: tuple[str, ...] = ("labels", "outliers")


def needs(options: Mapping[str, Any]) -> tuple[str, ...]:
    """What it needs of the outcomes with these options."""
    return (*NEEDS, *score_needs(options))


def metric(*, score: Score = "msp") -> Callable[[Outcomes], Measured]:
    """score: of `_scores.py`: from logits (msp, max_logit, energy), or from features (mahalanobis,
    relative_mahalanobis, knn, vim)."""

    def auroc(outcomes: Outcomes) -> Measured:
        return area_under_roc(*outlier_scores(outcomes, score))

    return auroc
