"""Accuracy by group, and what a redraw of the examples within groups does to it."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipelines.metrics._examples import known, right
from pipelines.metrics._softmax import Reals
from pipelines.outcomes import Outcomes, Unmeasurable

DRAWS = 4000


class Groups(NamedTuple):
    """Per group: accuracy and number of examples."""

    accuracy: Reals
    size: NDArray[np.int64]


def accuracy_by_group(outcomes: Outcomes) -> Groups:
    """Groups 0 to the highest index; rows of no group or no known class do not enter. Raises Unmeasurable."""
    grouped = outcomes.rows((outcomes.groups >= 0) & (outcomes.labels >= 0))
    if len(grouped) == 0:
        raise Unmeasurable("no examples of a known class in a group")
    size = np.bincount(grouped.groups)
    if not size.all():
        empty = np.flatnonzero(size == 0)
        raise Unmeasurable(f"group {empty[0]} of {len(size)} has no examples")
    correct = right(*known(grouped))
    return Groups(np.bincount(grouped.groups, weights=correct) / size, size)


def redrawn(groups: Groups) -> Reals:
    """Accuracies [draws, groups] of bootstrap samples within groups, sizes kept; the same ones at every call.

    The number right in a resample of a group is binomial, so the examples themselves need no drawing.
    """
    generator = np.random.default_rng(0)
    return np.asarray(generator.binomial(groups.size, groups.accuracy, (DRAWS, len(groups.size))) / groups.size)
