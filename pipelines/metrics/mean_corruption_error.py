"""The error under corruptions in units of a baseline's: mCE (Hendrycks & Dietterich 2019, arXiv 1903.12261).

At least 0; 1 for a model that errs as much as the baseline. Of one part it is the error at that severity over the
baseline's mean error under that corruption. The mean over parts is then the mean over corruptions of the errors summed
over severities, each divided by the baseline's: mCE. A weak baseline flatters all alike. Rows with a label below 0 do
not enter. Standard error over examples. Accuracy's mean over the same parts is the mean corruption accuracy.
"""

import math
from collections.abc import Callable, Mapping

from pipelines.metrics._corruptions import ERRORS, baseline_error, checked
from pipelines.metrics._examples import known, known_rows, mean_over_examples, right
from pipelines.outcomes import Measured, Outcomes

HIGHER_IS_BETTER = False
RANGE = (0.0, math.inf)
CHANCE: float | None = None
NEEDS: tuple[str, ...] = ("labels",)


def metric(*, baseline: Mapping[str, float] | None = None) -> Callable[[Outcomes], Measured]:
    """baseline: its error under each corruption, summed over the five severities; by default a standard resnet-8's on
    the glyphs dataset at its defaults, mean over seeds 0 to 4 (2.23 for gaussian_noise, 1.12 for jpeg, ...)."""
    errors = checked(ERRORS if baseline is None else baseline)

    def mean_corruption_error(outcomes: Outcomes) -> Measured:
        wrong = ~right(*known(outcomes))
        return mean_over_examples(wrong / baseline_error(outcomes.inliers(), errors), known_rows(outcomes))

    return mean_corruption_error
