"""Temperature scaling: logits divided by one number that is fitted on validation images (Guo et al. 2017,
arXiv 1706.04599)."""

from dataclasses import replace

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import logsumexp

from pipelines.outcomes import VALIDATION, Outcomes, Unmeasurable

COLDEST, HOTTEST = 0.05, 20.0


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
    """The temperature, in [0.05, 20], with the least negative log-likelihood on these outcomes. Raises Unmeasurable."""
    known = validation.inliers()
    logits = known.logits.astype(np.float64)
    if not len(known) or not np.isfinite(logits).all():
        raise Unmeasurable("no finite validation logits to fit a temperature on")
    of_label = logits[np.arange(len(known)), known.labels]

    def loss(log_temperature: float) -> float:
        t = np.exp(log_temperature)
        return float((logsumexp(logits / t, axis=1) - of_label / t).mean())

    found = minimize_scalar(loss, bounds=(np.log(COLDEST), np.log(HOTTEST)), method="bounded", options={"xatol": 1e-6})
    return float(np.exp(found.x))
