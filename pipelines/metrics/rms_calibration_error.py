"""The root mean square of accuracy minus confidence over equal-mass bins (Hendrycks et al. 2019, arXiv 1812.04606).

In [0, 1]. Every bin enters, the most confident too. Biased up by about the root of bins over 4 n, so it compares
models on the same number of examples. Rows with a label below 0 do not enter. Standard error over examples within
bins (delta method, with the second-order term that is all there is at perfect calibration); None with bins of one
example or where the error is 0.
"""

from collections.abc import Callable

import numpy as np

from pipelines.metrics._bins import equal_mass_bins
from pipelines.outcomes import Measured, Outcomes
from pipelines.parts import Count

HIGHER_IS_BETTER = False
RANGE = (0.0, 1.0)
CHANCE: float | None = None
NEEDS: tuple[str, ...] = ("labels",)


def metric(*, per_bin: Count = 100) -> Callable[[Outcomes], Measured]:
    """per_bin: examples in a bin, at least (fewer only where there are fewer in all)."""

    def rms_calibration_error(outcomes: Outcomes) -> Measured:
        bins = equal_mass_bins(outcomes, per_bin)
        value = float(np.sqrt(bins.share @ bins.gap**2))
        first = float(bins.share**2 @ (bins.gap * bins.error) ** 2)
        second = float(bins.share**2 @ bins.error**4)
        # the variance of a squared normal gap is 4 gap^2 error^2 + 2 error^4, and gap^2 overstates itself by error^2
        spread = np.sqrt(max(4 * first - 2 * second, 2 * first))
        estimable = np.isfinite(first) and value > 0
        return Measured(value, float(spread / (2 * value)) if estimable else None, bins.n)

    return rms_calibration_error
