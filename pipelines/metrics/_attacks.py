"""How much of an attack an example looks, where one class is benign and all others, known or not, are attacks."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipelines.metrics._examples import finite_logits
from pipelines.metrics._softmax import Reals, log_sum_exp
from pipelines.outcomes import Outcomes, Unmeasurable


class Detection(NamedTuple):
    """Log odds against the benign class [n], which rank as one minus its probability does; which rows are attacks."""

    scores: Reals
    attacks: NDArray[np.bool_]


def detection(outcomes: Outcomes, benign: int) -> Detection:
    """Scores and attacks; a label below 0 is an attack of no known class. Raises Unmeasurable where there are none, or
    no benign rows.
    """
    if not (outcomes.labels >= 0).any():
        raise Unmeasurable("no examples of a known class")
    logits = finite_logits(outcomes)
    if benign >= logits.shape[1]:
        raise Unmeasurable(f"class {benign} is not one of {logits.shape[1]}")
    attacks = np.asarray(outcomes.labels != benign)
    if attacks.all():
        raise Unmeasurable("no examples of the benign class")
    if not attacks.any():
        raise Unmeasurable("no examples of an attack")
    return Detection(log_sum_exp(np.delete(logits, benign, axis=1)) - logits[:, benign], attacks)
