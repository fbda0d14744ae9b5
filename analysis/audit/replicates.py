"""Replicates of T, E and D: without each model, or under the weights of a bootstrap; and the standard errors' parts."""

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from analysis.audit.fitting import natural_basis
from analysis.audit.grid import Bools, Grid, Ints
from analysis.audit.ladder import Ladder, Ladders, coefficients
from analysis.audit.settings import AuditSettings
from analysis.audit.units import SAME_COMPUTE, Units
from analysis.audit.weights import LEAST_STRATUM, stratified_weights
from analysis.scales import Floats

Three = tuple[Floats, Floats, Floats]  # of T, E and D


@dataclass(frozen=True)
class Replicates:
    """T [replicate, measurement], E [replicate, 1] and D at equal epochs and, where known, at equal FLOPs; D is NaN
    where it is not known. `total_covered`: T of the units that the ladder covers.
    """

    matches: dict[str, Three]
    total_covered: Floats


@dataclass(frozen=True)
class Spread:
    """Independent parts [part, measurement] of T, E and D by match: their squares sum to the variance over units, their
    products to covariances. `beyond_df` counts the units that D rests on.
    """

    parts: dict[str, Three]
    df: int
    beyond_df: int
    models: Ints | None  # the model left out for each part; None where parts are the draws of a bootstrap

    def drawn(self, match: str, normal: Floats) -> Floats:
        """Draws of D [draw, measurement] about 0. normal: [draw, model], standard."""
        parts = self.parts[match][2]
        return parts * np.sqrt(len(parts)) if self.models is None else normal[:, self.models] @ parts


@dataclass(frozen=True)
class _Weights:
    """Of each replicate: units [replicate, unit], those covered, those matched on FLOPs, and the ladders' terms."""

    units: Floats
    covered: Floats | None
    matched: Floats | None
    terms: Floats | None
    compute: Floats | None


def covered(units: Units, ladder: Ladder | None, settings: AuditSettings) -> tuple[Bools | None, int]:
    """The units whose model's own two capabilities (means over its pairs) the ladder covers, and how many they are;
    None where they are fewer than half of the units or than `min_pairs`, or the method's mean lies off the ladder.
    """
    if ladder is None:
        return None, 0
    _, model = np.unique(units.models, return_inverse=True)
    ends = [(np.bincount(model, score) / np.bincount(model))[model] for score in (units.score, units.base)]
    mask = (np.minimum(*ends) >= ladder.lower) & (np.maximum(*ends) <= ladder.upper)
    enough = mask.sum() >= max(settings.min_pairs, len(mask) / 2)
    return (mask if enough and ladder.lower <= units.score.mean() <= ladder.upper else None), int(mask.sum())


def matched(units: Units, ladders: Ladders, grid: Grid, settings: AuditSettings) -> Bools | None:
    """The units whose FLOPs lie in the range of their family's standard models: where the baseline can be moved to
    them. None where those are too few, or the method costs what the baseline costs.
    """
    compute = ladders.compute
    if compute is None or ladders.capability is None:
        return None
    related = grid.families[units.models][:, None] == grid.families[compute.rungs]
    slack = 0.05 * np.ptp(compute.x)
    top, low = np.where(related, compute.x, -np.inf).max(1), np.where(related, compute.x, np.inf).min(1)
    flops = units.flops[:, 0]
    mask = (flops <= top + slack) & (flops >= low - slack)
    apart = np.abs(units.flops[mask, 0] - units.flops[mask, 1]).max(initial=0.0)
    return np.asarray(mask) if mask.sum() >= settings.min_pairs and apart >= SAME_COMPUTE else None


def points(
    units: Units, ladders: Ladders, inside: Bools | None, where: Bools | None, families: Ints | None
) -> Replicates:
    """The estimates themselves, as one replicate. families: the units' `strata`."""
    terms = None if ladders.capability is None else ladders.capability.terms[None]
    compute = None if ladders.compute is None else ladders.compute.terms[None]
    everyone = np.ones(len(units.models), bool)
    of_covered = None if inside is None else _shares(inside, families)[None]
    plain = None if where is None else (where / where.sum())[None]
    return _replicates(units, ladders, _Weights(_shares(everyone, families)[None], of_covered, plain, terms, compute))


def jackknife(
    grid: Grid, units: Units, ladders: Ladders, inside: Bools | None, where: Bools | None, families: Ints | None
) -> Spread:
    """Everything again without each model of the units or the ladder. families: the units' `strata`."""
    left_out = _resampled(units, ladders)
    keep = units.models != left_out[:, None]
    own = _shares(keep, families)
    of_covered = None if inside is None else _shares(keep & inside, families)
    plain = None
    if where is not None:
        plain = (keep & where) / (keep & where).sum(1, keepdims=True)
    terms = _without(left_out, ladders.capability, ladders.capability_refits)
    compute = _without(left_out, ladders.compute, ladders.compute_refits)
    found = _replicates(units, ladders, _Weights(own, of_covered, plain, terms, compute))
    own_strata = np.zeros_like(left_out) if families is None else grid.families[left_out]
    parts = {match: _centred(three, own_strata) for match, three in found.matches.items()}
    df, beyond_df = (_df(mask, families) for mask in (np.ones(len(units.models), bool), inside))
    return Spread(parts, df, beyond_df, left_out)


def _resampled(units: Units, ladders: Ladders) -> Ints:
    """The models of the units and, where there is a ladder, its rungs: two methods may have one that standard lacks."""
    return units.models if ladders.capability is None else np.union1d(ladders.capability.rungs, units.models)


def _without(models: Ints, ladder: Ladder | None, refits: Floats | None) -> Floats | None:
    """The ladder's terms without each model [model, 2, measurement]: those of all rungs where it is none of them."""
    if ladder is None or refits is None:
        return None
    place = {int(rung): terms for rung, terms in zip(ladder.rungs, refits, strict=True)}
    return np.stack([place.get(int(model), ladder.terms) for model in models])


def bootstrap(
    units: Units, ladders: Ladders, inside: Bools | None, where: Bools | None, weights: Floats, rng: Generator
) -> Spread:
    """Everything again under random weights: of pairs within models, and of the ladders' rungs (weights [draw,
    model]).
    """
    own, df = stratified_weights(units.models, len(weights), rng)
    single = df == len(units.models) - 1
    of_covered, of_matched = (
        None if mask is None else own * mask / (own * mask).sum(1, keepdims=True) for mask in (inside, where)
    )
    terms, compute = (
        None if ladder is None else coefficients(ladder, weights[:, ladder.rungs])[:, -2:]
        for ladder in (ladders.capability, ladders.compute)
    )
    found = _replicates(
        units, ladders, _Weights(own / own.sum(1, keepdims=True), of_covered, of_matched, terms, compute)
    )
    root = np.sqrt(len(weights))
    parts = {
        match: ((t - t.mean(0)) / root, (e - e.mean(0)) / root, (d - d.mean(0)) / root)
        for match, (t, e, d) in found.matches.items()
    }
    return Spread(parts, df, _df(inside, None if single else units.models), None)


def _replicates(units: Units, ladders: Ladders, weights: _Weights) -> Replicates:
    total, capability = weights.units @ units.gain, weights.units @ (units.score - units.base)[:, None]
    beyond, of_covered = np.full_like(total, np.nan), np.full_like(total, np.nan)
    ladder, terms = ladders.capability, weights.terms
    if ladder is None or terms is None:
        return Replicates({"epochs": (total, capability, beyond)}, of_covered)
    if weights.covered is not None:
        step = natural_basis(units.score, ladder.knots) - natural_basis(units.base, ladder.knots)
        of_covered = weights.covered @ units.gain
        beyond = of_covered - np.einsum("rp,rpm->rm", weights.covered @ step, terms)
    found = {"epochs": (total, capability, beyond)}
    if weights.matched is not None and ladders.compute is not None and weights.compute is not None:
        knots, mask = ladders.compute.knots, weights.matched.any(0)
        share, base = weights.matched[:, mask], units.base[mask]
        climb = natural_basis(units.flops[mask, 0], knots) - natural_basis(units.flops[mask, 1], knots)
        shift = np.einsum("up,rpm->rum", climb, weights.compute)
        step = natural_basis(base + shift[..., -1], ladder.knots) - natural_basis(base, ladder.knots)
        bought = np.einsum("ru,rum->rm", share, shift)
        explained = np.einsum("rp,rpm->rm", np.einsum("ru,rup->rp", share, step), terms)
        flops = (total - bought[:, :-1], capability - bought[:, -1:], beyond - (bought[:, :-1] - explained))
        found["flops"] = flops
    return Replicates(found, of_covered)


def strata(grid: Grid, units: Units, ladders: Ladders) -> Ints | None:
    """The strata of the units, their families; None where all make one: a family has fewer than three models, or one
    unit.
    """
    own = grid.families[units.models]
    few = (
        np.unique(grid.families[_resampled(units, ladders)], return_counts=True)[1].min(initial=LEAST_STRATUM)
        < LEAST_STRATUM
    )
    alone = units.kind == "pair" or np.unique(own, return_counts=True)[1].min(initial=2) < 2
    return None if few or alone else own


def _shares(mask: Bools, families: Ints | None) -> Floats:
    """Weights [..., unit] of the mean over each mask, each family weighing as it does among all units."""
    weights = mask.astype(float)
    if families is not None:
        related = (families[:, None] == families).astype(float)
        weights *= related.sum(0) / np.maximum(weights @ related, 1)
    return np.asarray(weights / weights.sum(-1, keepdims=True))


def _centred(three: Three, strata: Ints) -> Three:
    replicates = np.concatenate(three, axis=1)
    parts = np.empty_like(replicates)
    for stratum in np.unique(strata):
        own = strata == stratum
        parts[own] = np.sqrt((own.sum() - 1) / own.sum()) * (replicates[own] - replicates[own].mean(0))
    ends = np.cumsum([each.shape[1] for each in three])
    return parts[:, : ends[0]], parts[:, ends[0] : ends[1]], parts[:, ends[1] :]


def _df(mask: Bools | None, strata: Ints | None) -> int:
    if mask is None:
        return 0
    return int(mask.sum()) - (1 if strata is None else len(np.unique(strata[mask])))
