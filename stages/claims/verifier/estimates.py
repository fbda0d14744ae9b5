"""T, E and D of one method on one measurement, with standard errors: the delete-one-model jackknife within families,
and the noise of the test examples that all runs share.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from .ladder import Ladder, basis, fitted

SAME_FLOPS = 0.02  # log2
LEAST_STRATUM = 3
TINY = 1e-12
Array = Any


@dataclass
class Grid:
    """The study's runs as arrays [method, model, seed], method 0 the baseline: y, one measurement on its scale;
    moved, what it moves by in draws of the test examples [..., draw], and score_moved; error, its standard error;
    score, capability; flops, log2. families: [model].
    """

    y: Array
    error: Array
    moved: Array | None
    score: Array
    score_moved: Array | None
    flops: Array
    families: Array

    @property
    def usable(self) -> Array:
        """Which runs have a value and a score."""
        return np.isfinite(self.y) & np.isfinite(self.score)


@dataclass
class Ladders:
    """Over capability, and over training FLOPs with the score as a second column."""

    capability: Ladder | None
    compute: Ladder | None


@dataclass
class Found:
    """One estimate: its value, standard error, the part of its variance that is the test examples', and the degrees of
    freedom of the rest.
    """

    value: float
    error: float
    known: float
    df: int


@dataclass
class Estimate:
    """T, E and D at equal epochs and, where known, at equal FLOPs; what they rest on."""

    matches: dict[str, tuple[Found, Found, Found]]
    pairs: int
    models: int
    in_range: int


class TooFewModels(Exception):
    """Pairs are the units: their errors are a bootstrap's, whose draws no certificate holds."""


def ladders(grid: Grid, rule: dict[str, Any]) -> Ladders:
    """The baseline's ladders."""
    usable = grid.usable[0]
    score, y = grid.score[0], grid.y[0]
    capability = _of_baseline(grid, usable, score, y[..., None], rule, noisy=True)
    known = usable & np.isfinite(grid.flops[0])
    both = np.stack([y, score], axis=-1)
    return Ladders(capability, _of_baseline(grid, known, grid.flops[0], both, rule, noisy=False))


def _of_baseline(grid: Grid, usable: Array, x: Array, y: Array, rule: dict[str, Any], *, noisy: bool) -> Ladder | None:
    models = np.flatnonzero(usable.any(1))
    if not len(models):
        return None
    mask = usable[models]
    seeds = mask.sum(1)
    at = np.where(mask, x[models], 0).sum(1) / seeds
    aim = np.where(mask[..., None], y[models], 0).sum(1) / seeds[:, None]
    off = np.where(mask, x[models] - at[:, None], 0)
    off_y = np.where(mask[..., None], y[models] - aim[:, None], 0)
    noise = ((off**2).sum(1), (off[..., None] * off_y).sum(1)) if noisy else None
    found: Ladder | None = fitted(models, grid.families[models], at, aim, seeds, noise, rule)
    return found


def estimate(grid: Grid, method: int, ladder: Ladders, rule: dict[str, Any]) -> Estimate | None:
    """The method's estimates; None where too few pairs are left. Raises TooFewModels."""
    both = grid.usable[method] & grid.usable[0]
    models, pairs = np.flatnonzero(both.any(1)), int(both.sum())
    if len(models) < rule["min_models"]:
        if pairs < rule["min_pairs"]:
            return None
        raise TooFewModels(f"{len(models)} models have pairs, of the {rule['min_models']} that a jackknife needs")

    def means(values: Array) -> Array:
        return np.stack([values[k][both[k]].mean(0) for k in models])

    gain, high, low = means(grid.y[method] - grid.y[0]), means(grid.score[method]), means(grid.score[0])
    flops = means(np.stack([grid.flops[method], grid.flops[0]], axis=-1))
    cap, comp = ladder.capability, ladder.compute
    inside, in_range = _inside(cap, high, low, rule)
    matched = _matched(grid, models, flops, cap, comp, rule)
    strata = _strata(grid, models, cap)
    left_out = models if cap is None else cap.models
    keep = models != left_out[:, None]
    keep = np.vstack([np.ones((1, len(models)), bool), keep])  # the estimate itself, then without each
    terms = None if cap is None else np.concatenate([cap.terms[None], cap.refits])
    weights = _weights(keep, strata)
    t, e, d = weights @ gain, weights @ (high - low), np.full(len(keep), np.nan)
    if cap is not None and terms is not None and inside is not None:
        own = _weights(keep & inside, strata)
        step = basis(high, cap.knots) - basis(low, cap.knots)
        d = own @ gain - np.einsum("rp,rp->r", own @ step, terms[..., 0])
    replicates = {"epochs": (t, e, d)}
    if cap is not None and terms is not None and comp is not None and matched is not None:
        share = keep & matched
        plain = (share / share.sum(1, keepdims=True))[:, matched]
        places = {int(model): k for k, model in enumerate(comp.models)}
        of_compute = [comp.refits[places[int(m)]] if int(m) in places else comp.terms for m in left_out]
        climb = basis(flops[matched, 0], comp.knots) - basis(flops[matched, 1], comp.knots)
        shift = np.einsum("up,rpm->rum", climb, np.stack([comp.terms, *of_compute]))
        step = basis(low[matched] + shift[..., 1], cap.knots) - basis(low[matched], cap.knots)
        bought = np.einsum("ru,rum->rm", plain, shift)
        explained = np.einsum("rp,rp->r", np.einsum("ru,rup->rp", plain, step), terms[..., 0])
        replicates["flops"] = (t - bought[:, 0], e - bought[:, 1], d - (bought[:, 0] - explained))
    df, beyond_df = _df(np.ones(len(models), bool), strata), _df(inside, strata)
    if df < 2:
        return None
    groups = np.zeros(len(left_out)) if strata is None else grid.families[left_out]
    known = _known(grid, method, both, models, high, low, cap, rule)
    matches = {
        name: tuple(_found(*each, groups) for each in zip(three, known, (df, df, beyond_df), strict=True))
        for name, three in replicates.items()
    }
    return Estimate(matches, pairs, len(models), in_range)  # type: ignore[arg-type]


def _inside(cap: Ladder | None, high: Array, low: Array, rule: dict[str, Any]) -> tuple[Array | None, int]:
    """The models whose two capabilities the ladder covers; None where they are too few."""
    if cap is None:
        return None, 0
    least, most = cap.ends
    mask = (np.minimum(high, low) >= least) & (np.maximum(high, low) <= most)
    enough = mask.sum() >= max(rule["min_pairs"], len(mask) / 2) and least <= high.mean() <= most
    return (mask if enough else None), int(mask.sum())


def _matched(grid: Grid, models: Array, flops: Array, cap: Any, comp: Any, rule: dict[str, Any]) -> Array | None:
    """The models whose FLOPs lie in the range of their family's standard models; None where there is nothing to
    match.
    """
    if cap is None or comp is None:
        return None
    slack, mask = 0.05 * float(np.ptp(comp.x)), np.zeros(len(models), bool)
    for k, model in enumerate(models):
        own = comp.x[grid.families[comp.models] == grid.families[model]]
        mask[k] = len(own) and own.min() - slack <= flops[k, 0] <= own.max() + slack
    apart = np.abs(flops[mask, 0] - flops[mask, 1]).max(initial=0)
    return mask if mask.sum() >= rule["min_pairs"] and apart >= SAME_FLOPS else None


def _strata(grid: Grid, models: Array, cap: Ladder | None) -> Array | None:
    """The models' families, where each has enough of them; None where all make one."""
    of_ladder = grid.families[models if cap is None else cap.models]
    own = grid.families[models]
    few = np.unique(of_ladder, return_counts=True)[1].min() < LEAST_STRATUM
    return None if few or np.unique(own, return_counts=True)[1].min() < 2 else own


def _weights(mask: Array, strata: Array | None) -> Array:
    """Weights of the mean over each mask, each family weighing as it does among all models."""
    weights = mask.astype(float)
    for family in [] if strata is None else np.unique(strata):
        own = strata == family
        weights[:, own] *= own.sum() / np.maximum(mask[:, own].sum(1, keepdims=True), 1)
    return weights / weights.sum(1, keepdims=True)


def _df(mask: Array | None, strata: Array | None) -> int:
    if mask is None:
        return 0
    return int(mask.sum()) - (1 if strata is None else len(np.unique(strata[mask])))


def _found(replicates: Array, known: Array, df: int, groups: Array) -> Found:
    """The first replicate with the jackknife variance of the others, within groups, and the known one."""
    variance = 0.0
    for group in np.unique(groups):
        own = replicates[1:][groups == group]
        variance += (len(own) - 1) / len(own) * float(((own - own.mean()) ** 2).sum())
    of_examples = float((known**2).sum())
    error = np.sqrt(variance + of_examples)
    return Found(float(replicates[0]), max(float(error), TINY) if error == error else float(error), of_examples, df)


def _known(grid: Grid, method: int, both: Array, models: Array, high: Array, low: Array, cap: Any, rule: Any) -> Any:
    """What the mean over models moves by with the test examples: of T, E and D, an array whose squares sum to a
    variance.

    Part of each model's movement is its own and in the jackknife already: the analysis of variance takes it off.
    """
    if grid.moved is None or grid.score_moved is None:
        each = (grid.error[method] ** 2 + grid.error[0] ** 2)[both]
        of_t, of_e = np.array([np.sqrt(rule["example_share"] * each.mean())]), np.zeros(1)
    else:
        moved = []
        for values in (grid.moved, grid.score_moved):
            apart = values[method] - values[0]
            moved.append(np.nan_to_num(np.stack([apart[k][both[k]].mean(0) for k in models])))
        of_t, of_e = (_common(each) for each in moved)
    if cap is None:
        return of_t, of_e, of_t
    step = np.array([-0.5, 0.5]) * 1e-3 * (cap.knots[2] - cap.knots[0])
    ends = basis((high.mean() + low.mean()) / 2 + step, cap.knots)
    slope = float((ends[1] - ends[0]) / (step[1] - step[0]) @ cap.terms[:, 0])
    return of_t, of_e, of_t - of_e * slope


def _common(moved: Array) -> Array:
    mean = moved.mean(0)
    own = ((moved - mean) ** 2).mean(-1).sum() / max(len(moved) * (len(moved) - 1), 1)
    share = np.clip(1 - own / max(float((mean**2).mean()), 1e-300), 0, 1)
    return np.sqrt(share) * mean / np.sqrt(len(mean))
