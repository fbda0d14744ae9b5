"""What is averaged: models, or pairs of runs where there are few models."""

from dataclasses import dataclass, replace

import numpy as np

from analysis.audit.example_noise import unit_deviations
from analysis.audit.grid import Bools, Grid, Ints, masked_means
from analysis.audit.settings import AuditSettings
from analysis.scales import Floats

SAME_COMPUTE = 0.02  # log2: methods this close to the baseline's FLOPs are matched on them already


@dataclass(frozen=True)
class Units:
    """What is averaged and resampled: models, or pairs of runs where there are few models."""

    kind: str  # model or pair
    models: Ints  # [unit]
    counts: Ints  # [unit], its pairs
    gain: Floats  # [unit, measurement], y_method - y_baseline
    score: Floats  # [unit], C of the method
    base: Floats  # [unit], C of the baseline
    flops: Floats  # [unit, 2], log2, method and baseline
    # [unit, measurement], mean over its pairs of the variance of a difference, were the runs' test examples independent
    example_variance: Floats
    deviations: Floats | None  # [unit, measurement, then capability, draw of the test examples]
    seed_share: Floats  # [measurement], of the variance of a unit's gain: what more seeds would shrink

    @property
    def pairs(self) -> int:
        """How many pairs of runs there are."""
        return int(self.counts.sum())

    @property
    def example_error(self) -> Floats:
        """The standard error of one pair's difference, were the two runs' test examples independent [measurement]."""
        return np.asarray(np.sqrt(self.counts @ self.example_variance / max(self.pairs, 1)))

    def among(self, models: Bools) -> "Units":
        """The units of the models [model] that are True, which are numbered anew; `seed_share` stays that of all."""
        keep = models[self.models]
        names = ("counts", "gain", "score", "base", "flops", "example_variance")
        cut = {name: getattr(self, name)[keep] for name in names}
        moved = None if self.deviations is None else self.deviations[keep]
        return replace(self, models=(np.cumsum(models) - 1)[self.models[keep]], deviations=moved, **cut)


def paired_units(grid: Grid, method: int, usable: Bools, columns: Ints, settings: AuditSettings) -> Units:
    """The method's pairs with the baseline, as models where enough have pairs, else as single pairs. usable: [method,
    model, seed].
    """
    both = usable[method] & usable[0]
    gain = (grid.y[method] - grid.y[0])[..., columns]
    flops = np.stack([grid.flops[method], grid.flops[0]], axis=-1)
    variance = (grid.error[method] ** 2 + grid.error[0] ** 2)[..., columns]
    models, seeds = np.nonzero(both)
    parts = (gain, grid.capability[method], grid.capability[0], flops, variance)
    moved = unit_deviations(grid, method, both, columns)
    units, counts = np.unique(models, return_counts=True)
    kind = "model" if len(units) >= settings.min_models else "pair"
    if kind == "model":
        share = _seed_share([gain[k][both[k]] for k in units])
        averaged = [masked_means(part[units], both[units]) for part in parts]
        if moved is not None:
            moved = np.stack([moved[models == k].mean(0) for k in units])
    else:
        units, counts, share = models, np.ones_like(models), np.ones(len(columns))
        averaged = [part[models, seeds] for part in parts]
    gain, score, base, flops, variance = averaged
    return Units(kind, units, counts, gain, score, base, flops, variance, moved, share)


def _seed_share(gains: list[Floats]) -> Floats:
    """Of the variance of the models' mean gains, the share that comes from their seeds [measurement], 1 where models
    differ no more than that; 0 where fewer than three models have several. gains: per model [pair, measurement].
    """
    several = [gain for gain in gains if len(gain) > 1]
    if len(several) < 3:
        return np.zeros(gains[0].shape[1])
    within = np.mean([gain.var(0, ddof=1) / len(gain) for gain in several], axis=0)
    over = np.var([gain.mean(0) for gain in several], axis=0, ddof=1)
    return np.asarray(np.minimum(within / np.maximum(over, 1e-300), 1.0))
