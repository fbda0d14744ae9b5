"""The mean absolute accuracy minus confidence over equal-mass bins (Naeini et al. 2015; Nixon et al. 2019).

In [0, 1]. Every bin enters, the most confident too. Biased up where bins are small, so it compares models on the
same number of examples. Rows with a label below 0 do not enter. Standard error over examples within bins (a folded
normal gap per bin); None with bins of one example.
"""

from collections.abc import Callable

import numpy as np
from scipy.special import ndtr

from pipelines.metrics._bins import binned
from pipelines.metrics._examples import known_rows, on_rows
from pipelines.metrics._softmax import Reals
from pipelines.outcomes import Measured, Outcomes
from pipelines.parts import Count

HIGHER_IS_BETTER = False
RANGE = (0.0, 1.0)
CHANCE: float | None = None
NEEDS: tuple[str, ...] = ("labels",)


def metric(*, per_bin: Count = 100, equal_width: Count | None = None) -> Callable[[Outcomes], Measured]:
    """per_bin: examples in a bin, at least (fewer only where there are fewer in all). equal_width: so many bins of the
    same width in confidence, in place of bins of equal mass."""

    def expected_calibration_error(outcomes: Outcomes) -> Measured:
        bins = binned(outcomes, per_bin=per_bin, equal_width=equal_width)
        value = float(bins.share @ np.abs(bins.gap))
        variance = float(bins.share**2 @ variance_of_absolute(bins.gap, bins.error))
        error = float(np.sqrt(variance)) if np.isfinite(variance) else None
        measured = Measured(value, error, len(bins.bin), bins.mean_of(np.sign(bins.gap)))
        return on_rows(measured, known_rows(outcomes))

    return expected_calibration_error


def variance_of_absolute(gap: Reals, error: Reals) -> Reals:
    """The variance of |gap| for a normal gap, its true size estimated by gap^2 - error^2, at least 0."""
    size = np.sqrt(np.maximum(gap**2 - error**2, 0))
    ratio = np.divide(size, error, out=np.full_like(size, np.inf), where=error > 0)
    mean = error * np.sqrt(2 / np.pi) * np.exp(-(ratio**2) / 2) + size * (1 - 2 * ndtr(-ratio))
    return np.asarray(np.maximum(size**2 + error**2 - mean**2, 0))
