"""The absolute value of an estimate that is normal about the truth."""

import numpy as np
from scipy.special import ndtr

from pipelines.metrics._softmax import Reals
from pipelines.outcomes import Measured


def absolute(signed: Measured) -> Measured:
    """The value without its sign; standard error that of a folded normal, influences with the sign taken off."""
    error = None
    if signed.standard_error is not None:
        gap, spread = np.array([signed.value]), np.array([signed.standard_error])
        error = float(np.sqrt(variance_of_absolute(gap, spread)[0]))
    influence = None if signed.influence is None else np.sign(signed.value) * signed.influence
    return Measured(abs(signed.value), error, signed.n, influence)


def variance_of_absolute(gap: Reals, error: Reals) -> Reals:
    """The variance of |gap| for a normal gap, its true size estimated by gap^2 - error^2, at least 0."""
    size = np.sqrt(np.maximum(gap**2 - error**2, 0))
    ratio = np.divide(size, error, out=np.full_like(size, np.inf), where=error > 0)
    mean = error * np.sqrt(2 / np.pi) * np.exp(-(ratio**2) / 2) + size * (1 - 2 * ndtr(-ratio))
    return np.asarray(np.maximum(size**2 + error**2 - mean**2, 0))
