"""Split conformal prediction: sets of classes that hold the true one with a chosen probability (Papadopoulos et al.
2002), by the probability of each class (Sadinle et al. 2019, arXiv 1609.00451).

A class is in the set where one less its probability is at most a threshold: the ceil((n + 1) coverage)-th least of
that of the true classes of n validation rows. On rows drawn like these the sets hold the truth with at least the
chosen probability, and at most 1 / (n + 1) more where no two are alike.
"""

from typing import NamedTuple

import numpy as np

from pipelines.metrics._examples import known
from pipelines.metrics._reference import fitted_on
from pipelines.metrics._softmax import Reals, softmax
from pipelines.outcomes import VALIDATION, Outcomes, Unmeasurable


class Sets(NamedTuple):
    """Of each example: one less the probability of each class [n, classes], and of its own [n]; those of the
    validation rows, sorted [v], and the rank among them of the threshold, from 1.
    """

    scores: Reals
    own: Reals
    validation: Reals
    rank: int

    @property
    def threshold(self) -> float:
        """Classes at or below it are in the set."""
        return float(self.validation[self.rank - 1])


def conformal_sets(outcomes: Outcomes, coverage: float) -> Sets:
    """The sets. Raises Unmeasurable, where there are too few validation rows too."""
    logits, labels = known(outcomes)
    logits_before, labels_before = known(fitted_on(outcomes, VALIDATION))
    n = len(labels_before)
    rank = int(np.ceil(np.round((n + 1) * coverage, 9)))
    if rank > n:
        raise Unmeasurable(f"{n} validation examples are too few for a coverage of {coverage:g}")
    scores = 1 - softmax(logits)
    before = np.sort((1 - softmax(logits_before))[np.arange(n), labels_before])
    return Sets(scores, scores[np.arange(len(labels)), labels], before, max(1, rank))
