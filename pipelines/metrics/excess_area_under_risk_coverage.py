"""The area under the risk-coverage curve beyond that of the best order: all right answers before any wrong one.

In [0, log 2], 0 for confidences that rank every right answer above every wrong one, whatever the accuracy (E-AURC,
Geifman et al. 2019, arXiv 1805.08206): it takes off the larger part of what accuracy alone does to the area. Confidence
is the highest probability; ties are in random order, and the value is the expectation over it. Rows with a label below
0 do not enter. Standard error over examples, by influence function; None for one example.
"""

import math
from collections.abc import Callable

import numpy as np

from pipelines.metrics._examples import by_influence, known, known_rows, on_rows, right
from pipelines.metrics._softmax import doubt
from pipelines.metrics.area_under_risk_coverage import mean_selective_risk
from pipelines.outcomes import Measured, Outcomes

HIGHER_IS_BETTER = False
RANGE = (0.0, math.log(2))  # at most the entropy of the error rate, in nats
CHANCE: float | None = None
NEEDS: tuple[str, ...] = ("labels",)


def metric() -> Callable[[Outcomes], Measured]:
    """No options."""

    def excess_area_under_risk_coverage(outcomes: Outcomes) -> Measured:
        logits, labels = known(outcomes)
        wrong = ~right(logits, labels)
        n, correct = len(wrong), int((~wrong).sum())
        accepted = np.arange(1, n + 1)
        best = float((np.maximum(accepted - correct, 0) / accepted).mean())
        area = mean_selective_risk(wrong, doubt(logits))
        if area.influence is None:
            return Measured(area.value - best, None, n)
        # one more error takes the place of the last right answer in the best order
        slope = (1 / accepted[max(correct, 1) - 1 :]).sum()
        measured = by_influence(max(0.0, area.value - best), n * area.influence - slope * wrong)
        return on_rows(measured, known_rows(outcomes))

    return excess_area_under_risk_coverage
