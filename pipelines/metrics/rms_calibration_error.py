"""The root mean square of accuracy minus confidence over equal-mass bins (Hendrycks et al. 2019, arXiv 1812.04606).

In [0, 1]. Every bin enters, the most confident too. Biased up by about the root of bins over 4 n, so it compares
models on the same number of examples; `debiased` takes each bin's variance a (1 - a) / (n - 1) off its square, and is 0
where the sum is below 0 (Kumar et al. 2019, arXiv 1909.10155). Rows with a label below 0 do not enter.

Standard error over examples within bins (delta method, with the second-order term that is all there is at perfect
calibration; of the debiased value, the spread of the root of a normal sum that is cut at 0); None with bins of one
example or where the biased error is 0.
"""

from collections.abc import Callable

import numpy as np
from scipy.special import ndtri

from pipelines.metrics._bins import Bins, binned
from pipelines.metrics._examples import known_rows, on_rows
from pipelines.outcomes import Measured, Outcomes, Unmeasurable
from pipelines.parts import Count

HIGHER_IS_BETTER = False
RANGE = (0.0, 1.0)
CHANCE: float | None = None
NEEDS: tuple[str, ...] = ("labels",)


def metric(
    *, per_bin: Count = 100, equal_width: Count | None = None, debiased: bool = False
) -> Callable[[Outcomes], Measured]:
    """per_bin: examples in a bin, at least (fewer only where there are fewer in all). equal_width: so many bins of the
    same width in confidence, in place of bins of equal mass. debiased: whether what chance adds is taken off."""

    def rms_calibration_error(outcomes: Outcomes) -> Measured:
        bins = binned(outcomes, per_bin=per_bin, equal_width=equal_width)
        measured = without_chance(bins) if debiased else with_chance(bins)
        return on_rows(measured, known_rows(outcomes))

    return rms_calibration_error


def with_chance(bins: Bins) -> Measured:
    """The error as it is."""
    value = float(np.sqrt(bins.share @ bins.gap**2))
    spread = spread_of_square(bins)
    error = float(spread / (2 * value)) if np.isfinite(spread) and value > 0 else None
    return Measured(value, error, len(bins.bin), bins.mean_of(bins.gap / max(value, 1e-12)))


def without_chance(bins: Bins) -> Measured:
    """The error with each bin's variance taken off, its influences brought to the standard error. Raises Unmeasurable
    where a bin has one example.
    """
    size = np.rint(bins.share * len(bins.bin))
    if size.min() == 1:
        raise Unmeasurable("a bin of one example has no variance to take off")
    square = float(bins.share @ (bins.gap**2 - bins.accuracy * (1 - bins.accuracy) / (size - 1)))
    draws = max(0.0, square) + spread_of_square(bins) * ndtri((np.arange(1000) + 0.5) / 1000)
    error = float(np.sqrt(np.maximum(draws, 0)).std())
    influence = bins.mean_of(bins.gap)
    length = float(np.sqrt(influence @ influence))
    value = float(np.sqrt(max(0.0, square)))
    return Measured(value, error, len(bins.bin), influence * (error / length if length > 0 else 0.0))


def spread_of_square(bins: Bins) -> float:
    """The standard error of the mean squared gap; NaN with bins of one example."""
    first = float(bins.share**2 @ (bins.gap * bins.error) ** 2)
    second = float(bins.share**2 @ bins.error**4)
    # the variance of a squared normal gap is 4 gap^2 error^2 + 2 error^4, and gap^2 overstates itself by error^2
    return float(np.sqrt(max(4 * first - 2 * second, 2 * first)))
