"""Effective robustness: accuracy under a shift beyond what clean accuracy predicts (Taori et al. 2020, Measuring
Robustness to Natural Distribution Shifts in Image Classification).

Over models of one kind, accuracy under a shift lies on a line against clean accuracy once both are on the logit scale.
What a model has above that line is its effective robustness.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import expit, logit

Array = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

FEWEST_MODELS = 3


@dataclass(frozen=True)
class LogitFit:
    """A least-squares line of logit(shifted) on logit(clean): slope, intercept, Pearson's r on that scale, n models."""

    slope: float
    intercept: float
    r: float
    n: int

    def predicted(self, clean: Array) -> Array:
        """The accuracy under the shift on the line, in (0, 1), of clean accuracies (models,) in (0, 1)."""
        return np.asarray(expit(self.intercept + self.slope * logit(clean)))


def logit_fit(clean: Array, shifted: Array) -> LogitFit:
    """The line through models, both accuracies (models,) as fractions; a model without both strictly between 0 and 1
    is left out, for its logit is infinite. Raises ValueError for fewer than 3 models or a single clean accuracy.
    """
    _check_fractions(clean, shifted)
    inside = _inside(clean) & _inside(shifted)
    x, y = logit(clean[inside]), logit(shifted[inside])
    if len(x) < FEWEST_MODELS or np.ptp(x) == 0:
        raise ValueError(f"A line needs {FEWEST_MODELS} models of different clean accuracy, both accuracies in (0, 1)")
    x_off, y_off = x - x.mean(), y - y.mean()
    slope = float(x_off @ y_off / (x_off @ x_off))
    spread = float(np.sqrt((x_off @ x_off) * (y_off @ y_off)))
    r = float(x_off @ y_off) / spread if spread > 0 else float("nan")
    return LogitFit(slope, float(y.mean() - slope * x.mean()), r, len(x))


def effective_robustness(clean: Array, shifted: Array, baseline: Mask) -> tuple[Array, LogitFit]:
    """The accuracy under the shift less that on the line through the baseline models, (models,), in percentage points,
    and the line. Both accuracies are (models,) fractions; NaN where either is missing or clean accuracy is 0 or 1.
    Zero accuracy under the shift counts, though not in the line. Raises ValueError where there is no line.
    """
    fit = logit_fit(clean[baseline], shifted[baseline])
    usable = _inside(clean) & ~np.isnan(shifted)
    points = np.full(len(clean), np.nan)
    points[usable] = 100 * (shifted[usable] - fit.predicted(clean[usable]))
    return points, fit


def _inside(values: Array) -> Mask:
    return np.asarray((values > 0) & (values < 1))


def _check_fractions(*columns: Array) -> None:
    for values in columns:
        known = values[~np.isnan(values)]
        if len(known) and (known.min() < 0 or known.max() > 1):
            raise ValueError(
                f"Accuracies are fractions in [0, 1], and one is {known.max() if known.max() > 1 else known.min():g}"
            )
