"""Answers with a class, with its super-class, or with none, as a threshold on their log odds says."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipelines.metrics._examples import Labels, right
from pipelines.metrics._softmax import Reals, log_sum_exp
from pipelines.outcomes import Unmeasurable


class Answers(NamedTuple):
    """Of each example: the log odds of its likeliest class and of that class's super-class, whether each is right, and
    the share of the class information that the super-class has.
    """

    leaf: Reals
    group: Reals
    leaf_right: NDArray[np.bool_]
    group_right: NDArray[np.bool_]
    of_group: Reals

    def wrong_up_to(self) -> Reals:
        """The highest threshold at which the answer is wrong, just below it; minus infinity if it never is [n]."""
        return np.where(self.group_right, np.where(self.leaf_right, -np.inf, self.leaf), self.group)

    def information(self, threshold: float) -> Reals:
        """The share of the information that each answer keeps: of what has log odds above the threshold [n]."""
        backs_off = (self.leaf <= threshold) & (self.group > threshold)
        return np.where(self.leaf > threshold, self.leaf_right, backs_off * self.group_right * self.of_group)


def answers_on_two_levels(logits: Reals, labels: Labels, groups: list[list[int]] | None) -> Answers:
    """The answers by class and by super-class. Raises Unmeasurable where the super-classes are not of these classes."""
    classes = logits.shape[1]
    chosen = groups or [[each, each + 1][: classes - each] for each in range(0, classes, 2)]
    if sorted(each for group in chosen for each in group) != list(range(classes)):
        raise Unmeasurable(f"the super-classes are not made of the {classes} classes")
    group_of = np.empty(classes, dtype=np.int64)
    for index, group in enumerate(chosen):
        group_of[group] = index
    summed = np.stack([log_sum_exp(logits[:, group]) for group in chosen], axis=1)
    top = logits.argmax(axis=1)
    answer = group_of[top]
    return Answers(
        log_odds(logits, top),
        log_odds(summed, answer),
        right(logits, labels),
        np.asarray(answer == group_of[labels]),
        1 - np.log(np.bincount(group_of)[answer]) / np.log(classes),
    )


def log_odds(logits: Reals, chosen: Labels) -> Reals:
    """The log odds of the chosen column against all others together [n]; infinite where there is no other."""
    rows = np.arange(len(logits))
    if logits.shape[1] == 1:
        return np.full(len(logits), np.inf)
    others = logits.copy()
    others[rows, chosen] = -np.inf
    # rounded, for what is equally likely to tie however its parts were summed
    return np.round(logits[rows, chosen] - log_sum_exp(others), 9)
