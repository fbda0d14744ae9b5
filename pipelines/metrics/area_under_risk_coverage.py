"""The error rate among the most confident examples, averaged over all coverages 1/n, 2/n, ..., 1 (Geifman et al. 2019).

In [0, 1]; an uninformed confidence has the error rate, so it mostly restates accuracy. Confidence is the highest
probability; ties are in random order, and the value is the expectation over it. Rows with a label below 0 do not
enter. Standard error over examples, by influence function; None for one example.
"""

from collections.abc import Callable

import numpy as np

from pipelines.metrics._examples import by_influence, known, known_rows, on_rows, pooled, right
from pipelines.metrics._softmax import Reals, doubt
from pipelines.outcomes import Measured, Outcomes

HIGHER_IS_BETTER = False
RANGE = (0.0, 1.0)
CHANCE: float | None = None
NEEDS: tuple[str, ...] = ("labels",)


def metric() -> Callable[[Outcomes], Measured]:
    """No options."""

    def area_under_risk_coverage(outcomes: Outcomes) -> Measured:
        logits, labels = known(outcomes)
        return on_rows(mean_selective_risk(~right(logits, labels), doubt(logits)), known_rows(outcomes))

    return area_under_risk_coverage


def mean_selective_risk(wrong: np.ndarray[tuple[int], np.dtype[np.bool_]], score: Reals) -> Measured:
    """The mean risk over coverages, the lowest scores accepted first."""
    n = len(wrong)
    order = np.argsort(score)
    accepted = np.arange(1, n + 1)
    risk = pooled(wrong, score)[order].cumsum() / accepted
    value = float(risk.mean())
    if n == 1:
        return Measured(value, None, n)
    # an example enters the risk at its own coverage and at all larger ones, with weight 1 / accepted
    weight = tail_sum(1 / accepted)
    ranked = score[order]
    influence = np.empty(n)
    influence[order] = pooled(weight, ranked) * wrong[order] + pooled(risk - tail_sum(risk / accepted), ranked)
    return by_influence(value, influence)


def tail_sum(values: Reals) -> Reals:
    """The sum of each value and all after it."""
    return values[::-1].cumsum()[::-1]
