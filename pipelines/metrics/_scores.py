"""How much of an outlier an example looks, from its logits: higher is more."""

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from pipelines.metrics._examples import finite_logits
from pipelines.metrics._softmax import Reals, doubt, log_sum_exp
from pipelines.outcomes import Outcomes, Unmeasurable

Score = Literal["msp", "max_logit", "energy"]


def outlier_scores(outcomes: Outcomes, score: Score) -> tuple[Reals, NDArray[np.bool_]]:
    """Scores [n], and which examples are outliers. Raises Unmeasurable where there are none or nothing else.

    msp        one minus the highest probability, up to order (Hendrycks & Gimpel 2017, arXiv 1610.02136)
    max_logit  minus the highest logit (Hendrycks et al. 2022, arXiv 1911.11132)
    energy     minus the log of the summed exponentials (Liu et al. 2020, arXiv 2010.03759)
    """
    outlying = np.asarray(outcomes.labels < 0)
    if not outlying.any():
        raise Unmeasurable("no outliers")
    if outlying.all():
        raise Unmeasurable("no examples of a known class")
    logits = finite_logits(outcomes)
    if score == "msp":
        scores = doubt(logits)
    elif score == "max_logit":
        scores = -logits.max(axis=1)
    else:
        scores = -log_sum_exp(logits)
    return scores, outlying
