"""What the choice of items adds to the error of an effect.

An effect is a sum over rows, pairs and rungs, of what each weighs times its value; so each item has an influence on it,
to first order: the sum over rows of the weight times the row's deviation on that item, carried to the scale and divided
by its number of items. Families and items are crossed, both are drawn, and the variance of an effect is that of a mean
that is clustered both ways (Cameron, Gelbach & Miller 2011; Owen 2007):

    V = V_families + max(0, V_items - V_both)

    V_families  the delete-one-family jackknife of the effect, as without items
    V_items     n / (n - 1) x the sum over items of the squared influence
    V_both      n / (n - 1) x the sum over items of the delete-one-family jackknife variance of the item's influence:
                what is peculiar to an item in a family, which V_families holds already

V_items - V_both is what all families have in common in how they take to the items that happen to be asked. It is in the
place of `example_share` of the variance of the test examples, which is assumed where scores of items are not known.
Degrees of freedom stay those of the families. The capability score and the ladder's positions are held as they are.
"""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import polars as pl

from analysis.audit.fitting import natural_basis
from analysis.audit.ladder import Ladder, coefficients_without
from analysis.audit.settings import AuditSettings
from analysis.pairs.effects import Bools, Ints, Pairs, outside
from analysis.pairs.estimation import Paired, ladder_of, rungs_of
from analysis.pairs.item_scores import Scored
from analysis.scales import Floats, error_on_scale
from analysis.schema import Table

ITEM_VARIANCES = Table(
    name="item_variances",
    columns={
        "method": pl.String,
        "measurement": pl.String,
        "effect": pl.String,  # total or beyond, on the audit's scale
        "pairs": pl.Int64,  # with scores of items on both sides
        "items": pl.Int64,
        "of_items": pl.Float64,
        "of_both": pl.Float64,  # of items within families
        "added": pl.Float64,  # to the variance over families
    },
    key=("method", "measurement", "effect"),
)


def item_variances(
    paired: Paired, column: int, found: Scored, settings: AuditSettings
) -> list[tuple[str, str, dict[str, float]]]:
    """What the items make of the variance of each method's T and D."""
    ladder = ladder_of(paired, column, settings) if paired.grid.measurements["axis"][column] == "safety" else None
    slopes = _slopes(paired, column)
    rows = []
    for method, pairs in paired.methods.items():
        known = np.isfinite(paired.change(column, pairs))
        known &= np.array([found.both(*ends).any() for ends in zip(pairs.models, pairs.baselines, strict=True)], bool)
        influence = _of_pairs(found, pairs, slopes)
        if _families(pairs, known) > 1:
            weights = _means(known, pairs.families, np.unique(pairs.families[known]))
            rows.append((method, "total", _crossed(influence, weights, found.number(pairs.only(known)))))
        if ladder is None:
            continue
        rungs = rungs_of(ladder, paired)
        known &= np.isfinite(pairs.change(paired.score)) & ~outside(paired.score, pairs, rungs)
        if _families(pairs, known) > 1:
            weights = _of_beyond(paired, pairs, known, ladder)
            both = np.concatenate([influence, _of_rows(found, ladder.rungs, slopes)])
            rows.append((method, "beyond", _crossed(both, weights, found.number(pairs.only(known)))))
    return rows


def _families(pairs: Pairs, known: Bools) -> int:
    return len(np.unique(pairs.families[known]))


def _slopes(paired: Paired, column: int) -> Floats:
    """By how much a row's value on the scale changes with its value, [row]. Which way is better is the same for all
    rows, and makes no difference to a variance.
    """
    about = paired.grid.measurements.row(column, named=True)
    value = paired.value(column)
    n = paired.grid.n[0, :, 0, column]
    slope = error_on_scale(value, np.ones_like(value), n, about["scale"])
    return np.asarray(np.where(np.isfinite(value), slope, 0.0))


def _of_rows(found: Scored, rows: Ints, slopes: Floats) -> Floats:
    """The influence of each item on the value of each row on the scale, [row, item]; 0 of a row without items."""
    known = np.isfinite(found.scores[rows])
    size = np.maximum(known.sum(1, keepdims=True), 1)
    scores = np.where(known, found.scores[rows], 0.0)
    centred = np.where(known, scores - scores.sum(1, keepdims=True) / size, 0.0) / size
    return np.asarray(slopes[rows][:, None] * centred)


def _of_pairs(found: Scored, pairs: Pairs, slopes: Floats) -> Floats:
    """The influence of each item that both sides have on the change of each pair on the scale, [pair, item]."""
    rows = np.zeros((len(pairs.models), found.scores.shape[1]))
    for number, (model, baseline) in enumerate(zip(pairs.models, pairs.baselines, strict=True)):
        both = found.both(model, baseline)
        if both.any():
            rows[number] = slopes[model] * found.deviations(model, both)
            rows[number] -= slopes[baseline] * found.deviations(baseline, both)
    return rows


def _means(known: Bools, families: Ints, left_out: Ints) -> Floats:
    """Weights of the mean over the known pairs, of all and then without each family, [1 + family, pair]."""
    held = np.concatenate([known[None], known & (families != left_out[:, None])])
    return np.asarray(held / np.maximum(held.sum(1, keepdims=True), 1))


def _of_beyond(paired: Paired, pairs: Pairs, known: Bools, ladder: Ladder) -> Floats:
    """What each pair and each rung weighs in D, of all and then without each family, [1 + family, pair + rung]."""
    on_rungs, groups = np.unique(paired.families[ladder.rungs], return_inverse=True)
    size = len(ladder.rungs)
    unit = replace(ladder, y=np.eye(size), p_curved=np.repeat(ladder.p_curved, size))
    terms = coefficients_without(unit, groups)[:, -2:]  # [1 + family of a rung, 2, rung]
    places: Mapping[int, int] = {int(family): number for number, family in enumerate(on_rungs, start=1)}
    left_out = np.union1d(on_rungs, pairs.families[known])
    weights = _means(known, pairs.families, left_out)
    models, baselines = (natural_basis(paired.score[rows], ladder.knots) for rows in (pairs.models, pairs.baselines))
    step = weights @ np.where(known[:, None], models - baselines, 0.0)  # [1 + family, 2]
    of_rungs = np.stack([terms[0], *(terms[places.get(int(family), 0)] for family in left_out)])
    return np.concatenate([weights, -np.einsum("fp,fpr->fr", step, of_rungs)], axis=1)


def _crossed(influence: Floats, weights: Floats, counts: tuple[int, int]) -> dict[str, float]:
    """The variances of an effect over items, and over items within families. influence: [row, item]; weights: [1 +
    family left out, row]; counts: of pairs, and of their items.
    """
    each = weights @ influence
    size, families = counts[1], len(each) - 1
    small = size / max(size - 1, 1)
    of_items = small * float((each[0] ** 2).sum())
    without = each[1:]
    of_both = small * (families - 1) / families * float(((without - without.mean(0)) ** 2).sum())
    added = max(0.0, of_items - of_both)
    return {"pairs": counts[0], "items": size, "of_items": of_items, "of_both": of_both, "added": added}
