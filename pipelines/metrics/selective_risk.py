"""The error rate among the most confident examples, at a fixed share of examples answered.

In [0, 1] (Geifman & El-Yaniv 2017, arXiv 1705.08500). The share answered is rounded up to whole examples. Confidence
is the highest probability; ties are in random order, and the value is the expectation over it. Rows with a label below
0 do not enter. Standard error over examples, by influence function, the error rate at the threshold being that of the
twentieth of examples on either side of it; None for one example. n is the number of examples answered.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Annotated

import numpy as np

from pipelines.metrics._examples import by_influence, known, known_rows, on_rows, pooled, right
from pipelines.metrics._softmax import doubt
from pipelines.outcomes import Measured, Outcomes
from pipelines.parts import Range

HIGHER_IS_BETTER = False
RANGE = (0.0, 1.0)
CHANCE: float | None = None
NEEDS: tuple[str, ...] = ("labels",)


def metric(*, coverage: Annotated[float, Range(0, 1, low_open=True)] = 0.8) -> Callable[[Outcomes], Measured]:
    """coverage: the share of examples answered."""

    def selective_risk(outcomes: Outcomes) -> Measured:
        logits, labels = known(outcomes)
        wrong, score = ~right(logits, labels), doubt(logits)
        n, order = len(wrong), np.argsort(score)
        answered = max(1, int(np.ceil(np.round(coverage * n, 6))))
        first = np.zeros(n)
        first[order[:answered]] = 1
        accepted = pooled(first, score)
        beside = max(1, n // 20)
        at_threshold = pooled(wrong, score)[order][max(0, answered - beside) : answered + beside].mean()
        # an example that is accepted pushes the least confident accepted one out
        each = accepted * (wrong - at_threshold) * n / answered
        measured = by_influence(float(accepted @ wrong) / answered, each)
        return on_rows(replace(measured, n=answered), known_rows(outcomes))

    return selective_risk
