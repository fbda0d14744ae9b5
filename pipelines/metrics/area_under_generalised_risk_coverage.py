"""The share of answers that are accepted and wrong, averaged over all coverages from 0 to 1.

In [0, 0.5] (AUGRC, Traub et al. 2024, arXiv 2407.01032); half the error rate for an uninformed confidence, half its
square for the best. With a the accuracy and R the AUROC of wrong against right answers it is (1 - R) a (1 - a) + (1 -
a)^2 / 2: every error counts once, where the area under the selective risk weighs those at high confidence far above
the rest. Confidence is the highest probability; ties are in random order, and the value is the expectation over it.
Rows with a label below 0 do not enter. Standard error over examples, by influence function; None for one example.
"""

from collections.abc import Callable

import numpy as np

from pipelines.metrics._examples import by_influence, known, known_rows, on_rows, right
from pipelines.metrics._softmax import doubt
from pipelines.outcomes import Measured, Outcomes

HIGHER_IS_BETTER = False
RANGE = (0.0, 0.5)
CHANCE: float | None = None
NEEDS: tuple[str, ...] = ("labels",)


def metric() -> Callable[[Outcomes], Measured]:
    """No options."""

    def area_under_generalised_risk_coverage(outcomes: Outcomes) -> Measured:
        logits, labels = known(outcomes)
        wrong = ~right(logits, labels)
        n = len(wrong)
        _, place, size = np.unique(doubt(logits), return_inverse=True, return_counts=True)
        errors = np.bincount(place, weights=wrong)
        # of each example: the share accepted after it, and the share accepted before it and wrong; ties and itself half
        after = 1 - (size.cumsum() - size / 2)[place] / n
        before = (errors.cumsum() - errors / 2)[place] / n
        measured = by_influence(float(wrong @ after) / n, wrong * after + before)
        return on_rows(measured, known_rows(outcomes))

    return area_under_generalised_risk_coverage
