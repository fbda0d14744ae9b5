"""Temperature scaling: logits divided by one number that is fitted on validation images (Guo et al. 2017,
arXiv 1706.04599).

A model that has every validation image right would be fitted a temperature of 0, and be infinitely wrong on its first
error elsewhere. So the labels that are fitted are smoothed by as much as one example more could tell (as in Platt
1999): the temperature is finite, and multiplying all logits multiplies it alike.
"""

from dataclasses import replace

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import logsumexp

from pipelines.outcomes import VALIDATION, Outcomes, Unmeasurable

WIDEST = 12.0  # how far from the logits' own spread a temperature is looked for, as a natural logarithm


def with_temperature(outcomes: Outcomes) -> Outcomes:
    """The outcomes, and their reference, with logits divided by the temperature of the reference. Raises
    Unmeasurable.
    """
    reference = outcomes.reference
    if reference is None:
        raise Unmeasurable("no validation outcomes to fit a temperature on")
    by = np.float32(temperature(reference.part(VALIDATION)))
    return replace(outcomes, logits=outcomes.logits / by, reference=replace(reference, logits=reference.logits / by))


def temperature(validation: Outcomes) -> float:
    """The temperature, above 0, with the least negative log-likelihood on these outcomes: n labels, of each of which
    1 / (n + 2) is spread over all classes. 1 where all logits are alike. Raises Unmeasurable.
    """
    known = validation.inliers()
    logits = known.logits.astype(np.float64)
    if not len(known) or not np.isfinite(logits).all():
        raise Unmeasurable("no finite validation logits to fit a temperature on")
    logits -= logits.mean(axis=1, keepdims=True)
    spread = float(logits.std())
    if spread == 0:
        return 1.0
    smoothed = (1 - 1 / (len(known) + 2)) * logits[np.arange(len(known)), known.labels] / spread
    logits /= spread

    def loss(log_temperature: float) -> float:
        t = np.exp(log_temperature)
        return float((logsumexp(logits / t, axis=1) - smoothed / t).mean())

    found = minimize_scalar(loss, bounds=(-WIDEST, WIDEST), method="bounded", options={"xatol": 1e-6})
    return spread * float(np.exp(found.x))
