"""The mean absolute accuracy minus confidence over equal-mass bins (Naeini et al. 2015; Nixon et al. 2019).

In [0, 1]. Every bin enters, the most confident too. Biased up where bins are small, so it compares models on the
same number of examples. Rows with a label below 0 do not enter. Standard error over examples within bins (a folded
normal gap per bin); None with bins of one example.
"""

from collections.abc import Callable

import numpy as np

from pipelines.metrics._absolute import variance_of_absolute
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

    def expected_calibration_error(outcomes: Outcomes) -> Measured:
        bins = binned(outcomes, per_bin=per_bin, equal_width=equal_width)
        value = float(bins.share @ np.abs(bins.gap))
        variance = float(bins.share**2 @ variance_of_absolute(bins.gap, bins.error))
        error = float(np.sqrt(variance)) if np.isfinite(variance) else None
        measured = Measured(value, error, len(bins.bin), bins.mean_of(np.sign(bins.gap)))
        return on_rows(measured, known_rows(outcomes))

    return expected_calibration_error
