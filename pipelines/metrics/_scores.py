"""How much of an outlier an example looks: higher is more.

From its logits:
msp                  one minus the highest probability, up to order (Hendrycks & Gimpel 2017, arXiv 1610.02136)
max_logit            minus the highest logit (Hendrycks et al. 2022, arXiv 1911.11132)
energy               minus the log of the summed exponentials (Liu et al. 2020, arXiv 2010.03759)

From its features beside those of training images (`_distances.py`):
mahalanobis          distance to the nearest class mean (Lee et al. 2018, arXiv 1807.03888)
relative_mahalanobis the same less the distance to the mean of all (Ren et al. 2021, arXiv 2106.09022)
knn                  distance to the tenth nearest training image (Sun et al. 2022, arXiv 2204.06507)
vim                  virtual-logit matching, from features and logits (Wang et al. 2022, arXiv 2203.10807)
"""

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from pipelines.metrics._distances import mahalanobis, nearest_neighbour, virtual_logit
from pipelines.metrics._examples import finite_logits
from pipelines.metrics._reference import finite_features, fitted_on
from pipelines.metrics._softmax import Reals, doubt, log_sum_exp
from pipelines.outcomes import TRAINING, Outcomes, Unmeasurable

Score = Literal["msp", "max_logit", "energy", "mahalanobis", "relative_mahalanobis", "knn", "vim"]
OF_LOGITS = ("msp", "max_logit", "energy")


def score_needs(options: Mapping[str, Any]) -> tuple[str, ...]:
    """What the option `score` needs of the outcomes."""
    return () if options["score"] in OF_LOGITS else ("features", "reference")


def outlier_scores(outcomes: Outcomes, score: Score) -> tuple[Reals, NDArray[np.bool_]]:
    """Scores [n], and which examples are outliers. Raises Unmeasurable where there are none or nothing else."""
    outlying = np.asarray(outcomes.labels < 0)
    if not outlying.any():
        raise Unmeasurable("no outliers")
    if outlying.all():
        raise Unmeasurable("no examples of a known class")
    return scores_of(outcomes, score), outlying


def scores_of(outcomes: Outcomes, score: Score) -> Reals:
    """Scores [n] of these examples. Raises Unmeasurable."""
    logits = finite_logits(outcomes)
    if score == "msp":
        return doubt(logits)
    if score == "max_logit":
        return np.asarray(-logits.max(axis=1))
    if score == "energy":
        return -log_sum_exp(logits)
    training = fitted_on(outcomes, TRAINING)
    features, fitted = finite_features(outcomes), finite_features(training)
    if score == "knn":
        return nearest_neighbour(features, fitted)
    if score == "vim":
        return virtual_logit(features, logits, fitted, finite_logits(training))
    return mahalanobis(features, fitted, training.labels, relative=score == "relative_mahalanobis")
