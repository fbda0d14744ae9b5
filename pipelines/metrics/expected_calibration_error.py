"""The mean absolute accuracy minus confidence over equal-mass bins (Naeini et al. 2015; Nixon et al. 2019).

In [0, 1]. Every bin enters, the most confident too. Biased up where bins are small, so it compares models on the
same number of examples. Rows with a label below 0 do not enter. Standard error over examples within bins (a folded
normal gap per bin); None with bins of one example.
"""

from collections.abc import Callable

import numpy as np
from scipy.special import ndtr

from pipelines.metrics._bins import equal_mass_bins
from pipelines.metrics._softmax import Reals
from pipelines.outcomes import Measured, Outcomes
from pipelines.parts import Count

HIGHER_IS_BETTER = False
RANGE = (0.0, 1.0)
CHANCE: float | None = None
NEEDS: tuple[str, ...] = ("labels",)


def metric(*, per_bin: Count = 100) -> Callable[[Outcomes], Measured]:
    """per_bin: examples in a bin, at least (fewer only where there are fewer in all)."""

    def expected_calibration_error(outcomes: Outcomes) -> Measured:
        bins = equal_mass_bins(outcomes, per_bin)
        value = float(bins.share @ np.abs(bins.gap))
        variance = float(bins.share**2 @ variance_of_absolute(bins.gap, bins.error))
        return Measured(value, float(np.sqrt(variance)) if np.isfinite(variance) else None, bins.n)

    return expected_calibration_error


def variance_of_absolute(gap: Reals, error: Reals) -> Reals:
    """The variance of |gap| for a normal gap, its true size estimated by gap^2 - error^2, at least 0."""
    size = np.sqrt(np.maximum(gap**2 - error**2, 0))
    ratio = np.divide(size, error, out=np.full_like(size, np.inf), where=error > 0)
    mean = error * np.sqrt(2 / np.pi) * np.exp(-(ratio**2) / 2) + size * (1 - 2 * ndtr(-ratio))
    return np.asarray(np.maximum(size**2 + error**2 - mean**2, 0))
