"""The area under the ROC curve and the average precision of two samples of scores, and the noise of a threshold that is
one of them.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.special import betainc
from scipy.stats import rankdata

from pipelines.metrics._softmax import Reals
from pipelines.outcomes import Measured


def area_under_roc(scores: Reals, positive: NDArray[np.bool_]) -> Measured:
    """The chance that a positive scores above a negative, ties counting half; at least one of each.

    Standard error over positives and over negatives, from their placement values (DeLong et al. 1988); None where
    either has one example.
    """
    ranks = rankdata(scores)
    m, n = int(positive.sum()), int((~positive).sum())
    above = (ranks[positive] - rankdata(scores[positive])) / n
    below = 1 - (ranks[~positive] - rankdata(scores[~positive])) / m
    estimable = m > 1 and n > 1
    error = float(np.sqrt(above.var(ddof=1) / m + below.var(ddof=1) / n)) if estimable else None
    influence = np.empty(m + n)
    influence[positive], influence[~positive] = (above - above.mean()) / m, (below - below.mean()) / n
    return Measured(float(above.mean()), error, m + n, influence)


def average_precision(scores: Reals, positive: NDArray[np.bool_], base_rate: float | None = None) -> Measured:
    """The mean precision over the positives' scores, or what it would be if these were such a share of all; at least
    one of each. Precision at a score counts all that tie with it.

    Standard error over positives and over negatives, their numbers fixed, by influence function; None where either has
    one example. n is the number of positives.
    """
    m, n = int(positive.sum()), int((~positive).sum())
    base_rate = m / (m + n) if base_rate is None else base_rate
    levels, place = np.unique(-scores, return_inverse=True)
    hits = np.bincount(place[positive], minlength=len(levels)) / m
    true = base_rate * hits.cumsum()
    false = (1 - base_rate) * np.bincount(place[~positive], minlength=len(levels)).cumsum() / n
    flagged = true + false
    precision = np.divide(true, flagged, out=np.zeros_like(true), where=flagged > 0)
    value = float(precision @ hits)
    if m == 1 or n == 1:
        return Measured(value, None, m)
    # what one more example at a level does to the precision at that level and all below it
    slope = np.divide(hits, flagged**2, out=np.zeros_like(true), where=flagged > 0)
    of_positive = precision + (base_rate * slope * false)[::-1].cumsum()[::-1]
    of_negative = -((1 - base_rate) * slope * true)[::-1].cumsum()[::-1]
    influence = np.where(positive, of_positive[place], of_negative[place])
    variance = influence[positive].var(ddof=1) / m + influence[~positive].var(ddof=1) / n
    for rows, size in ((positive, m), (~positive, n)):
        influence[rows] = (influence[rows] - influence[rows].mean()) / size
    return Measured(value, float(np.sqrt(variance)), m, influence)


def chances_as_rank(n: int, rank: int) -> Reals:
    """The chance that each of n sorted values is the rank-th of a bootstrap sample of them [n]; rank from 1 to n
    (Maritz & Jarrett 1978).
    """
    return np.asarray(np.diff(betainc(rank, n - rank + 1, np.arange(n + 1) / n)))
