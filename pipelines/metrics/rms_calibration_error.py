"""The root mean square of accuracy minus confidence over equal-mass bins (Hendrycks et al. 2019, arXiv 1812.04606).

In [0, 1]. Every bin enters, the most confident too. Biased up by about the root of bins over 4 n, so it compares
models on the same number of examples. Rows with a label below 0 do not enter. Standard error over examples within
bins (delta method, with the second-order term that is all there is at perfect calibration); None with bins of one
example or where the error is 0.
"""

from collections.abc import Callable

import numpy as np

from pipelines.metrics._bins import binned
from pipelines.metrics._examples import known_rows, on_rows
from pipelines.outcomes import Measured, Outcomes
from pipelines.parts import Count

HIGHER_IS_BETTER = False
RANGE = (0.0, 1.0)
CHANCE: float | None = None
NEEDS: tuple[str, ...] = ("labels",)


def metric(*, per_bin: Count = 100, equal_width: Count | None = None) -> Callable[[Outcomes], Measured]:
    """per_bin: examples in a bin, at least (fewer only where there are fewer in all). equal_width: so many bins of the
    same width in confidence, in place of bins of equal mass."""

    def rms_calibration_error(outcomes: Outcomes) -> Measured:
        bins = binned(outcomes, per_bin=per_bin, equal_width=equal_width)
        value = float(np.sqrt(bins.share @ bins.gap**2))
        first = float(bins.share**2 @ (bins.gap * bins.error) ** 2)
        second = float(bins.share**2 @ bins.error**4)
        # the variance of a squared normal gap is 4 gap^2 error^2 + 2 error^4, and gap^2 overstates itself by error^2
        spread = np.sqrt(max(4 * first - 2 * second, 2 * first))
        estimable = np.isfinite(first) and value > 0
        error = float(spread / (2 * value)) if estimable else None
        influence = bins.mean_of(bins.gap / max(value, 1e-12))
        return on_rows(Measured(value, error, len(bins.bin), influence), known_rows(outcomes))

    return rms_calibration_error
