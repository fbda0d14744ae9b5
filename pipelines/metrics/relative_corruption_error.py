"""What corruptions add to the error in units of what they add to a baseline's (Hendrycks & Dietterich 2019).

Relative mCE (arXiv 1903.12261): 1 for a model that loses as much as the baseline, below 0 for one that gains. The error
on the same images when clean is taken off, so a model that was wrong before has little to lose: read it beside clean
accuracy. Of one part it is the excess error at that severity over the baseline's mean under that corruption; the mean
over parts is relative mCE. The condition is `corruptions` with `clean: true`. Rows with a label below 0 do not enter.
Standard error over examples.
"""

import math
from collections.abc import Callable, Mapping

from pipelines.metrics._corruptions import EXCESS_ERRORS, baseline_error, checked
from pipelines.metrics._examples import known, known_rows, mean_over_examples, right
from pipelines.outcomes import Measured, Outcomes

HIGHER_IS_BETTER = False
RANGE = (-math.inf, math.inf)
CHANCE: float | None = None
NEEDS: tuple[str, ...] = ("labels", "right_when_clean")


def metric(*, baseline: Mapping[str, float] | None = None) -> Callable[[Outcomes], Measured]:
    """baseline: its error under each corruption less its error on the clean images, summed over the five severities; by
    default a standard resnet-8's on the glyphs dataset at its defaults, mean over seeds 0 to 4."""
    errors = checked(EXCESS_ERRORS if baseline is None else baseline)

    def relative_corruption_error(outcomes: Outcomes) -> Measured:
        correct = right(*known(outcomes))
        there = outcomes.inliers()
        lost = there.values["right_when_clean"] - correct
        return mean_over_examples(lost / baseline_error(there, errors), known_rows(outcomes))

    return relative_corruption_error
