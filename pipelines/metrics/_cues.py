"""The answers to examples whose cue points to another class than their label."""

import numpy as np
from numpy.typing import NDArray

from pipelines.metrics._examples import known
from pipelines.outcomes import Outcomes, Unmeasurable


def in_conflict(outcomes: Outcomes) -> NDArray[np.bool_]:
    """Which rows have a label and a cue of another class [n]."""
    return np.asarray((outcomes.labels >= 0) & (outcomes.groups >= 0) & (outcomes.labels != outcomes.groups))


def answers_in_conflict(outcomes: Outcomes) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Whether each conflicting example is answered with its label, and whether with its cue's class (its group).

    Rows without a label or group, or whose cue agrees with the label, do not enter. Raises Unmeasurable.
    """
    conflict = in_conflict(outcomes)
    if not conflict.any():
        raise Unmeasurable("no examples whose cue points to another class than the label")
    chosen = outcomes.rows(conflict)
    logits, labels = known(chosen)
    answer = logits.argmax(axis=1)
    return np.asarray(answer == labels), np.asarray(answer == chosen.groups)
