"""What a curve shows, from the comparison of families, the jump's size and shape and the data's power."""

import math
from dataclasses import dataclass

import numpy as np

from analysis.jumps.comparison import ALPHA, Comparison, Losses, p_value
from analysis.jumps.families import STEP, Array
from analysis.jumps.shape import Jump, jump

AMPLITUDE_ERRORS = 4.0
POWER = 0.8
FACTORS = (2, 3, 5, 8, 12, 20, 30)


@dataclass(frozen=True)
class Judged:
    """The evidence on one curve. `gain`: how much better the jump family fits than the smooth one, in units of the
    noise variance; half of it is the log Bayes factor. `gain_slower`: the same of a slower logistic or a kink over the
    jump family. p values by parametric bootstrap from the best smooth fit (p), against all that
    departs from smooth otherwise (p_acceleration), from the constant (p_flat). `power` is that of seeing
    a step of the smallest size of interest.
    """

    gain: float
    gain_slower: float
    p: float
    p_acceleration: float
    p_flat: float
    power: float
    smallest: float
    least_sharpness: float
    jump: Jump

    @property
    def log10_bayes_factor(self) -> float:
        """The Bayes factor of jump over smooth (BIC), base 10."""
        return self.gain / 2 / math.log(10)

    @property
    def large(self) -> bool:
        """Whether the amplitude exceeds 4 standard errors and the smallest size of interest."""
        size = abs(self.jump.amplitude)
        return size > AMPLITUDE_ERRORS * self.jump.amplitude_error and size > self.smallest

    @property
    def sharp(self) -> bool:
        """Whether enough of the change happens within a fifth of the range; of a step on a trend, whether the step
        alone is surely larger than the smallest size of interest.
        """
        riding = self.jump.on_trend and min(abs(self.jump.amplitude_low), abs(self.jump.amplitude_high)) > self.smallest
        return self.jump.sharpness > self.least_sharpness or riding

    def flags(self, p: float) -> bool:
        """Whether the curve departs from every smooth one towards a jump, given its adjusted p."""
        return p < ALPHA and self.gain > 0 and self.large

    def abrupt(self, p: float) -> bool:
        """Whether it is a jump: it flags, is sharp, and nothing slower fits better."""
        return self.flags(p) and self.sharp and self.gain_slower <= 0


def judge(comparison: Comparison, smallest: float, *, draws: int, rng: np.random.Generator) -> Judged:
    """The evidence on a curve; `smallest` is the smallest jump of interest, in the unit of y, above 0."""
    smooth = np.array([fit.at(comparison.curve.u) for fit in comparison.fit("smooth")])
    nulls = [comparison.replicates(truth, draws, rng) for truth in (smooth, comparison.steepest())]
    flat = comparison.replicates(np.zeros_like(smooth), draws, rng)
    observed = comparison.observed
    threshold = max(*(float(np.quantile(null.gain("smooth", "jump"), 1 - ALPHA)) for null in nulls), 0.0)
    return Judged(
        gain=float(observed.gain("smooth", "jump")[0]),
        gain_slower=float(observed.gain("jump", "between", "kink")[0]),
        p=_largest_p(observed, nulls, "jump"),
        p_acceleration=_largest_p(observed, nulls, "kink", "between"),
        p_flat=p_value(float(observed.change()[0]), flat.change()),
        power=power(comparison, smooth, smallest, threshold, draws=draws, rng=rng),
        smallest=smallest,
        least_sharpness=comparison.curve.abrupt.sharpness,
        jump=jump(comparison, draws, rng),
    )


def _largest_p(observed: Losses, nulls: list[Losses], *families: str) -> float:
    """The p of the families' gain over smooth, under the smooth curve that is most like them if not under the best."""
    gain = float(observed.gain("smooth", *families)[0])
    return max(p_value(gain, null.gain("smooth", *families)) for null in nulls)


def power(
    comparison: Comparison,
    smooth: Array,
    smallest: float,
    threshold: float,
    *,
    draws: int,
    rng: np.random.Generator,
    runs: int = 1,
) -> float:
    """The share of curves, with a step of the smallest size in the middle of the best smooth fit, whose gain exceeds
    the threshold, in [0, 1]; with `runs` times the runs per point.
    """
    grid = comparison.grids["jump"]
    steps = grid.centre[grid.kind == STEP]
    middle = steps[np.abs(steps - 0.5).argmin()]
    step = np.where(comparison.curve.u > middle, smallest, 0.0)
    sign = np.where(smooth[:, [-1]] >= smooth[:, [0]], 1.0, -1.0)
    seen = comparison.replicates(smooth + sign * step, draws, rng, seeds=runs).gain("smooth", "jump")
    return float(np.mean(seen > threshold))


def runs_needed(comparison: Comparison, smallest: float, *, draws: int, rng: np.random.Generator) -> int | None:
    """The smallest factor of runs per position that gives a power of 0.8, None where no factor up to 30 does."""
    smooth = np.array([fit.at(comparison.curve.u) for fit in comparison.fit("smooth")])
    for runs in FACTORS:
        null = comparison.replicates(smooth, draws, rng, seeds=runs).gain("smooth", "jump")
        threshold = max(float(np.quantile(null, 1 - ALPHA)), 0.0)
        if power(comparison, smooth, smallest, threshold, draws=draws, rng=rng, runs=runs) >= POWER:
            return runs
    return None
