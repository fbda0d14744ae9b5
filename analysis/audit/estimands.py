"""What a method does to a measurement: T (total), E (on capability) and D (beyond what E explains), with standard
errors.

T = mean of y_method - y_baseline, E = mean of C_method - C_baseline, D = T - mean of f(C_method) - f(C_baseline),
over runs paired by model and seed; every model counts alike. D rests on the models whose own two capabilities the
ladder covers, each family weighing as it does among all of the method's models. At equal FLOPs the baseline is moved
along its own curve over FLOPs, a correction on the same models: none is dropped for its FLOPs.

Errors: where at least `min_models` models have pairs, the delete-one-model jackknife, stratified by family: ladders,
reliability and estimates again without each model, with the same knots, line or curve, and covered models. Nothing of
it is random. With fewer models: the bootstrap of pairs within models, and of the ladder's rungs independently. The
test examples, which all runs share, add a variance that is known (see `examples`). Families, data sets and tuning are
fixed.
"""

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from analysis.audit.example_noise import example_parts
from analysis.audit.fitting import natural_basis
from analysis.audit.grid import Grid
from analysis.audit.ladder import Ladders
from analysis.audit.replicates import bootstrap, covered, jackknife, matched, points, strata
from analysis.audit.settings import AuditSettings
from analysis.audit.units import Units
from analysis.scales import Floats

TINY = 1e-12


@dataclass(frozen=True)
class Statistic:
    """An estimate with its standard error, [measurement], or [1] for E. `known` is the part of its variance that
    shared test examples make: no units estimate it. `df` are those of the rest.
    """

    point: Floats
    error: Floats
    known: Floats
    df: int


@dataclass(frozen=True)
class Estimate:
    """Estimands of one method on some measurements, and what they rest on. D is NaN without a ladder or outside its
    range.
    """

    match: str
    units: Units
    in_range: int  # units whose two capabilities the ladder covers
    total: Statistic  # T
    capability: Statistic  # E
    beyond: Statistic  # D
    total_covered: Floats  # T of the units that the ladder covers [measurement]
    correlation: Floats  # of E and D [measurement]
    draws: Floats  # [draw, measurement], D standardised and centred


def estimates(
    grid: Grid,
    units: Units,
    ladders: Ladders,
    weights: Floats | None,
    normal: Floats | None,
    settings: AuditSettings,
    rng: Generator | None,
) -> list[Estimate]:
    """T, E and D at equal epochs, then at equal training FLOPs where that says anything else; none where too few units
    are left.

    weights: [draw, model], of the bootstrap where pairs are the units. normal: [draw, model], what joint draws of D are
    made of where models are. They are for regions over several measurements: no verdict rests on a draw of models.
    Without the three nothing is drawn: no joint draws, and no estimates where pairs are the units.
    """
    if len(units.models) < settings.min_pairs:
        return []
    inside, in_range = covered(units, ladders.capability, settings)
    where = matched(units, ladders, grid, settings)
    families = strata(grid, units, ladders)
    at = points(units, ladders, inside, where, families)
    if units.kind == "model":
        spread = jackknife(grid, units, ladders, inside, where, families)
    elif weights is None or rng is None:
        return []
    else:
        spread = bootstrap(units, ladders, inside, where, weights, rng)
    if spread.df < 2:
        return []
    example = example_parts(units.deviations, np.sqrt(settings.example_share) * units.example_error)
    explained = example[:, -1:] * _slope(units, ladders)
    known = (example[:, :-1], example[:, -1:], example[:, :-1] - explained)
    found = []
    for match in at.matches:
        parts = spread.parts[match]
        dfs = (spread.df, spread.df, spread.beyond_df)
        t, e, d = (
            _statistic(value[0], of_units, of_examples, df)
            for value, of_units, of_examples, df in zip(at.matches[match], parts, known, dfs, strict=True)
        )
        correlation = _correlations(*(np.concatenate([parts[i], known[i]]) for i in (1, 2)))
        drawn = np.zeros((0, known[2].shape[1]))
        if normal is not None and rng is not None:
            drawn = spread.drawn(match, normal)
            drawn = drawn + rng.standard_normal((len(drawn), len(example))) @ known[2]
            drawn = (drawn - drawn.mean(0)) / np.maximum(drawn.std(0), TINY)
        found.append(Estimate(match, units, in_range, t, e, d, at.total_covered[0], correlation, drawn))
    return found


def _statistic(at: Floats, parts: Floats, known: Floats, df: int) -> Statistic:
    of_examples = (known**2).sum(0)
    error = np.maximum(np.sqrt((parts**2).sum(0) + of_examples), TINY)
    return Statistic(at, error, of_examples, df)


def _correlations(x: Floats, y: Floats) -> Floats:
    """Of x [component, 1] and y [component, measurement]."""
    size = np.sqrt((x * x).sum(0) * (y * y).sum(0))
    return np.asarray(np.where(size > 0, (x * y).sum(0) / np.maximum(size, TINY), np.nan))


def _slope(units: Units, ladders: Ladders) -> Floats:
    """The ladder's slope at the units' mean capability, [measurement]; 0 without a ladder."""
    ladder = ladders.capability
    if ladder is None:
        return np.zeros(units.gain.shape[1])
    step = np.array([-0.5, 0.5]) * 1e-3 * (ladder.knots[2] - ladder.knots[0])
    ends = natural_basis((units.score.mean() + units.base.mean()) / 2 + step, ladder.knots)
    rise = (ends[1] - ends[0]) / (step[1] - step[0])
    return np.asarray(rise @ ladder.terms)
