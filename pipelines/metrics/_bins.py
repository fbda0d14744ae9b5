"""Confidence against accuracy in bins of equal mass, ordered by confidence."""

from typing import NamedTuple

import numpy as np

from pipelines.metrics._examples import known, pooled, right
from pipelines.metrics._softmax import Reals, confidence
from pipelines.outcomes import Outcomes


class Bins(NamedTuple):
    """Per bin, the least confident first: its share of the examples, its gap and the gap's standard error.

    The gap is accuracy minus mean confidence. The standard error is over examples, NaN in a bin of one.
    """

    share: Reals
    gap: Reals
    error: Reals
    n: int


def equal_mass_bins(outcomes: Outcomes, per_bin: int) -> Bins:
    """n // per_bin bins (at least one) of sizes that differ by at most one. Raises Unmeasurable.

    Examples of the same confidence share their mean accuracy, so that none depends on their order.
    """
    logits, labels = known(outcomes)
    conf = confidence(logits)
    correct = pooled(right(logits, labels), conf)
    order = np.argsort(conf)
    n = len(order)
    starts = np.arange(bins := max(1, n // per_bin)) * n // bins
    sizes = np.diff(starts, append=n)
    gap = np.add.reduceat((correct - conf)[order], starts) / sizes
    # (right - conf)^2, pooled over ties as well: right is 0 or 1 and its own square
    square = np.add.reduceat((correct * (1 - 2 * conf) + conf**2)[order], starts) / sizes
    with np.errstate(invalid="ignore", divide="ignore"):
        error = np.sqrt(np.where(sizes > 1, np.maximum(square - gap**2, 0), np.nan) / (sizes - 1))
    return Bins(sizes / n, gap, error, n)
