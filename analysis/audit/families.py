"""Families of claims: the q-values of one kind of claim over all real methods, and what passes a stricter test.

gain, loss and sign: only p-values up to .5 take part, as p / .5 ("discard"; a true null far inside its region has a p
near 1, would be counted, and cost power), with Storey's estimate of how many are null. Valid because each p-value is
uniformly conservative inside its null: t tests have monotone likelihood ratios (Zhao, Small and Su 2019). none, null
and wash, where effects lie on either side: Benjamini and Hochberg. No q is below its own p: what a family finds holds
as a single claim, too.

A placebo is judged as one more method, added to the real ones' families for itself alone, and so is a claim that a
failed check blocks: what is never published must not make room for what is.
"""

from collections.abc import Callable, Collection, Sequence

import numpy as np
from statsmodels.stats.multitest import multipletests

from analysis.scales import Floats

DISCARDED = 0.5  # p-values above take no part
HALF = 0.5  # of what takes part: those above tell how many are null (Storey's lambda)
CONDITIONAL = ("gain", "loss", "sign")
CLAIMED = ("gain", "sign")  # what a method's authors may claim
KINDS = (*CONDITIONAL, "none", "null", "wash")
Family = Callable[[Floats], Floats]


def step_up(p: Floats) -> Floats:
    """Benjamini-Hochberg q-values; NaN stays NaN and counts in no family."""
    known = np.isfinite(p)
    q = np.full(len(p), np.nan)
    if known.any():
        q[known] = multipletests(p[known], method="fdr_bh")[1]
    return q


def conditional(p: Floats, weights: Floats | None = None) -> Floats:
    """q-values of the p-values up to .5, by Storey's adaptive step-up; 1 where p is larger, NaN where it is NaN.

    weights: fixed before the p-values are seen; of those that take part, in proportion to their mean, a claim of weight
    w counts as p / w (Genovese, Roeder and Wasserman 2006; with Storey's estimate: Ramdas et al. 2019).
    """
    share, known, taking = _conditioned(p)
    q = np.where(known, 1.0, np.nan)
    weighted = share / _weights(weights, taking)
    order = np.argsort(weighted, kind="stable")
    ranked = null_share(p, weights) * len(share) * weighted[order] / np.arange(1, len(share) + 1)
    found = np.empty(len(share))
    found[order] = np.minimum.accumulate(ranked[::-1])[::-1]
    q[taking] = np.where(share > HALF, 1.0, np.clip(found, p[taking], 1.0))
    return q


def claim_weights(claimed: Sequence[bool]) -> Floats:
    """Weights of mean 1 that give the claimed ones half of all, and never less than the others."""
    mask = np.asarray(claimed, dtype=bool)
    own = mask.sum()
    if not 0 < own < len(mask) / 2:
        return np.ones(len(mask))
    return np.asarray(np.where(mask, len(mask) / (2 * own), len(mask) / (2 * (len(mask) - own))))


def null_share(p: Floats, weights: Floats | None = None) -> float:
    """Storey's estimate of the share of nulls, by weight, among the p-values up to .5, at most 1."""
    share, _, taking = _conditioned(p)
    own = _weights(weights, taking)
    return float(min(1.0, (own.max(initial=1.0) + own[share > HALF].sum()) / (HALF * max(len(share), 1))))


def _weights(weights: Floats | None, taking: np.ndarray) -> Floats:
    """Of the claims that take part, of mean 1."""
    own = np.ones(int(taking.sum())) if weights is None else weights[taking]
    return own / own.mean() if len(own) else own


def family_wise(p: Floats) -> Floats:
    """Holm's adjusted p-values among the p-values up to .5, as p / .5: the chance of any false claim; else as above."""
    share, known, taking = _conditioned(p)
    adjusted = np.where(known, 1.0, np.nan)
    order = np.argsort(share, kind="stable")
    ranked = np.empty(len(share))
    ranked[order] = np.maximum.accumulate(share[order] * np.arange(len(share), 0, -1))
    adjusted[taking] = np.minimum(ranked, 1.0)
    return adjusted


def one_more(p: Floats, kind: str, rate: float) -> float:
    """The p-value that one more claim of this kind would need."""
    known = p[np.isfinite(p)]
    if not len(known):
        return rate
    of = conditional(known) if kind in CONDITIONAL else step_up(known)
    found = int((of <= rate).sum()) + 1
    if kind not in CONDITIONAL:
        return min(rate, rate * found / len(known))
    taking = max(int((known <= DISCARDED).sum()), 1)
    return float(min(rate, DISCARDED * rate * found / (null_share(known) * taking)))


def level_of(p: Floats, claim: int, kind: str, rate: float, weights: Floats | None = None) -> float:
    """The largest p-value with which one claim of the family is found while all others keep theirs. A claim without a
    p-value counts as if it got one. weights: as in `conditional`.
    """
    kept = p.copy()
    kept[claim] = 0.0
    if kind not in CONDITIONAL:
        known = np.sort(kept[np.isfinite(kept)])
        return rate * _most(known, rate / len(known)) / len(known)
    share, _, taking = _conditioned(kept)
    of_taking = _weights(weights, taking)
    each = rate / (null_share(kept, weights) * len(share))
    own = of_taking[int(taking[:claim].sum())] * each * _most(np.sort(share / of_taking), each)
    return float(min(rate, DISCARDED * min(HALF, own)))


def _most(ordered: Floats, each: float) -> int:
    """How many step-up finds, of p-values in order that need `each` times their rank."""
    return int(np.flatnonzero(ordered <= each * np.arange(1, len(ordered) + 1)).max()) + 1


def beside(methods: Sequence[str], placebos: Collection[str], blocked: Sequence[bool]) -> list[str]:
    """Of each claim the name of those that are judged with it beside the family, "" of the family's own: a placebo's
    method, or one of its own where it is blocked.
    """
    of_placebos = [method if method in placebos else "" for method in methods]
    return [f"blocked {place}" if blocked[place] else name for place, name in enumerate(of_placebos)]


def judged(p: Floats, apart: Sequence[str], how: Family) -> Floats:
    """What `how` gives each claim of the family, and those beside it, by `beside`, among the family's and their own."""
    names = np.asarray(apart)
    real = names == ""
    found = np.full(len(p), np.nan)
    found[real] = how(p[real])
    for name in dict.fromkeys(apart):
        own = names == name
        if name:
            found[own] = how(np.concatenate([p[real], p[own]]))[-own.sum() :]
    return found


def _conditioned(p: Floats) -> tuple[Floats, np.ndarray, np.ndarray]:
    """The p-values that take part, as p / .5; which are known; which take part."""
    known = np.isfinite(p)
    taking = known & (np.where(known, p, 1.0) <= DISCARDED)
    return p[taking] / DISCARDED, known, taking
