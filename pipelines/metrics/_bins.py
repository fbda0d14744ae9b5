"""Confidence against accuracy in bins ordered by confidence."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipelines.metrics._examples import known, pooled, right
from pipelines.metrics._softmax import Reals, confidence
from pipelines.outcomes import Outcomes


class Bins(NamedTuple):
    """Per bin, the least confident first: its share of the examples, accuracy, gap and the gap's standard error.

    The gap is accuracy minus mean confidence. The standard error is over examples, NaN in a bin of one. `away` is each
    example's own gap less its bin's, `bin` the bin it is in, both in the order of the examples.
    """

    share: Reals
    accuracy: Reals
    gap: Reals
    error: Reals
    away: Reals
    bin: NDArray[np.int64]

    def mean_of(self, of_gap: Reals) -> Reals:
        """Influences [n] on the mean over examples of a function of their bin's gap, whose slopes are `of_gap`."""
        return np.asarray(of_gap[self.bin] * self.away / len(self.bin))


def binned(outcomes: Outcomes, *, per_bin: int, equal_width: int | None) -> Bins:
    """n // per_bin bins (at least one) of sizes that differ by at most one; or, where `equal_width` is given, so many
    bins of the same width in confidence, closed on the right, the empty ones left out. Raises Unmeasurable.

    Examples of the same confidence share their mean accuracy, so that none depends on their order.
    """
    logits, labels = known(outcomes)
    conf = confidence(logits)
    correct = pooled(right(logits, labels), conf)
    order = np.argsort(conf)
    n = len(order)
    if equal_width is None:
        starts = np.arange(bins := max(1, n // per_bin)) * n // bins
    else:
        inner = np.arange(1, equal_width) / equal_width
        starts = np.unique(np.concatenate([[0], np.searchsorted(conf[order], inner, side="right")]))
        starts = starts[starts < n]
    sizes = np.diff(starts, append=n)
    accuracy = np.add.reduceat(correct[order], starts) / sizes
    gap = np.add.reduceat((correct - conf)[order], starts) / sizes
    # (right - conf)^2, pooled over ties as well: right is 0 or 1 and its own square
    square = np.add.reduceat((correct * (1 - 2 * conf) + conf**2)[order], starts) / sizes
    with np.errstate(invalid="ignore", divide="ignore"):
        error = np.sqrt(np.where(sizes > 1, np.maximum(square - gap**2, 0), np.nan) / (sizes - 1))
    which = np.empty(n, dtype=np.int64)
    which[order] = np.repeat(np.arange(len(sizes)), sizes)
    return Bins(sizes / n, accuracy, gap, error, correct - conf - gap[which], which)
