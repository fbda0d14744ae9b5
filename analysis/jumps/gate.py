"""The protocol's own false-positive rate on a study's curves: jump labels are not to be published where it is too
high.
"""

from dataclasses import dataclass, replace

import numpy as np
from statsmodels.stats.proportion import proportion_confint

from analysis.jumps.comparison import Comparison
from analysis.jumps.decision import judge

LARGEST_RATE = 0.08  # that the upper bound may have


@dataclass(frozen=True)
class Gate:
    """Jumps found in curves that have none: how many of how many, the rate and the upper end of its 90 % interval
    (Wilson).
    """

    jumps: int
    curves: int
    rate: float
    upper: float

    @property
    def passed(self) -> bool:
        """Whether jump labels may be published."""
        return self.upper <= LARGEST_RATE


def false_positives(
    comparison: Comparison, smallest: float, *, rng: np.random.Generator, curves: int = 200, draws: int = 199
) -> Gate:
    """The rate of jumps in curves simulated from a curve's best smooth fit with its own noise."""
    curve = comparison.curve
    smooth = np.array([fit.at(curve.u) for fit in comparison.fit("smooth")])
    found = 0
    for _ in range(curves):
        y = smooth + comparison.noise(len(smooth), rng)
        variance = curve.variance
        if variance is not None and np.isfinite(curve.degrees):
            variance *= rng.chisquare(curve.degrees) / curve.degrees
        simulated = replace(curve, y=y, variance=variance)
        judged = judge(Comparison(simulated), smallest, draws=draws, rng=rng)
        found += judged.abrupt(judged.p)
    upper = float(proportion_confint(found, curves, alpha=0.1, method="wilson")[1])
    return Gate(found, curves, found / curves, upper)
