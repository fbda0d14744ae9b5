"""The area under the ROC curve of two samples of scores."""

import numpy as np
from scipy.stats import rankdata

from pipelines.metrics._softmax import Reals
from pipelines.outcomes import Measured


def area_under_roc(positive: Reals, negative: Reals) -> Measured:
    """The chance that a positive scores above a negative, ties counting half; neither sample empty.

    Standard error over positives and over negatives, from their placement values (DeLong et al. 1988); None where
    either has one example.
    """
    m, n = len(positive), len(negative)
    ranks = rankdata(np.concatenate([positive, negative]))
    above = (ranks[:m] - rankdata(positive)) / n
    below = 1 - (ranks[m:] - rankdata(negative)) / m
    estimable = m > 1 and n > 1
    error = float(np.sqrt(above.var(ddof=1) / m + below.var(ddof=1) / n)) if estimable else None
    return Measured(float(above.mean()), error, m + n)
