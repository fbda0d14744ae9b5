"""The area under the ROC curve of two samples of scores, and the noise of a threshold that is one of them."""

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


def chances_as_rank(n: int, rank: int) -> Reals:
    """The chance that each of n sorted values is the rank-th of a bootstrap sample of them [n]; rank from 1 to n
    (Maritz & Jarrett 1978).
    """
    return np.asarray(np.diff(betainc(rank, n - rank + 1, np.arange(n + 1) / n)))
