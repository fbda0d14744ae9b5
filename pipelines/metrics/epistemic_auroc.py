"""How often epistemic uncertainty is higher on an outlier than on an image of a known class.

In [0, 1], 0.5 for an uncertainty that does not notice. It is either the mutual information of forecast and member: the
entropy of the mean forecast less the members' mean entropy (Depeweg et al. 2018, arXiv 1710.07283), unmeasurable for a
model that averages no others, whose is 0; or minus the log density of the features, the squared Mahalanobis distance
(after Mukhoti et al. 2023, arXiv 2102.11582, with one covariance for all classes). Blends of two classes do not enter.
Standard error over outliers and over inliers (DeLong et al. 1988); None where either has one example.
"""

from collections.abc import Callable, Mapping
from typing import Any, Literal

import numpy as np

from pipelines.metrics._examples import finite_logits, on_rows, recorded
from pipelines.metrics._members import require_members
from pipelines.metrics._ranks import area_under_roc
from pipelines.metrics._scores import outlier_scores
from pipelines.outcomes import Measured, Outcomes

HIGHER_IS_BETTER = True
RANGE = (0.0, 1.0)
CHANCE: float | None = 0.5
NEEDS: tuple[str, ...] = ("labels", "outliers", "groups", "members", "mutual_information")


def needs(options: Mapping[str, Any]) -> tuple[str, ...]:
    """What it needs of the outcomes with these options."""
    return NEEDS if options["by"] == "mutual_information" else (*NEEDS[:3], "features", "reference")


def metric(*, by: Literal["mutual_information", "density"] = "mutual_information") -> Callable[[Outcomes], Measured]:
    """by: what the uncertainty is: mutual_information of members, or density of features, for any model."""

    def epistemic_auroc(outcomes: Outcomes) -> Measured:
        finite_logits(outcomes)
        rows = np.asarray((outcomes.labels < 0) | (outcomes.groups < 0))
        shown = outcomes.rows(rows)
        scores, outlying = outlier_scores(shown, "msp" if by == "mutual_information" else "mahalanobis")
        if by == "mutual_information":
            require_members(shown)
            scores = recorded(shown, "mutual_information")
        return on_rows(area_under_roc(scores, outlying), rows)

    return epistemic_auroc
