"""Accuracy by group, and what a redraw of the examples within groups does to it."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipelines.metrics._examples import known, right
from pipelines.metrics._softmax import Reals
from pipelines.outcomes import Outcomes, Unmeasurable

DRAWS = 4000


class Groups(NamedTuple):
    """Per group: accuracy and number of examples. Over all rows: whether each is in a group, and of those, in order,
    the group and how far its hit or miss is from the group's accuracy.
    """

    accuracy: Reals
    size: NDArray[np.int64]
    rows: NDArray[np.bool_]
    group: NDArray[np.int64]
    away: Reals

    def influence(self, of_accuracy: Reals) -> Reals:
        """Influences on a function of the groups' accuracies, whose slopes are `of_accuracy`, of the rows in a
        group.
        """
        return np.asarray((of_accuracy / self.size)[self.group] * self.away)


def accuracy_by_group(outcomes: Outcomes) -> Groups:
    """Groups 0 to the highest index; rows of no group or no known class do not enter. Raises Unmeasurable."""
    rows = np.asarray((outcomes.groups >= 0) & (outcomes.labels >= 0))
    grouped = outcomes.rows(rows)
    if len(grouped) == 0:
        raise Unmeasurable("no examples of a known class in a group")
    size = np.bincount(grouped.groups)
    if not size.all():
        empty = np.flatnonzero(size == 0)
        raise Unmeasurable(f"group {empty[0]} of {len(size)} has no examples")
    correct = right(*known(grouped))
    accuracy = np.bincount(grouped.groups, weights=correct) / size
    return Groups(accuracy, size, rows, grouped.groups, correct - accuracy[grouped.groups])


def redrawn(groups: Groups) -> Reals:
    """Accuracies [draws, groups] of bootstrap samples within groups, sizes kept; the same ones at every call.

    The number right in a resample of a group is binomial, so the examples themselves need no drawing.
    """
    generator = np.random.default_rng(0)
    return np.asarray(generator.binomial(groups.size, groups.accuracy, (DRAWS, len(groups.size))) / groups.size)


def chance_of_least(draws: Reals) -> Reals:
    """How often each group is the least accurate of a draw, ties shared [groups]: what the least accuracy owes to
    each.
    """
    least = draws == draws.min(axis=1, keepdims=True)
    return np.asarray((least / least.sum(axis=1, keepdims=True)).mean(axis=0))
