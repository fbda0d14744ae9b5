"""What a method does to a measurement over pairs of models: T, E and D, with errors clustered by family.

T = mean of y_model - y_baseline, E = mean of C_model - C_baseline, D = T less what the ladder of baseline models makes
of the differences in capability. Every pair counts alike, in each estimate for which it has the cells.

Pairs that share a baseline, or a family, are not independent: in a published table where 44 of 52 pairs share one
baseline, a t interval over pairs excludes 0 in half of all cases without an effect. The unit is the family: the
delete-one-family jackknife leaves a family's rungs and its pairs out at once, and the interval has as many degrees of
freedom as families with pairs, less one. Pairs of one family have no error.

Where pairs are spread unevenly over families that is too many: with 36 of 40 pairs in one of five families, 13 % of the
intervals miss an effect of 0; with 44 of 56 in one of nine, 13 %. The audit's own tests have the degrees of freedom of
the effective number of families (Kish 1965), the squared sum of their pairs over the sum of squares, less one and at
least one: 1 % and 0.1 % miss it then, and 0.1 to 5.6 % over all 22 spreads of pairs tried, published ones among them
(4,000 draws each, family effects of 0.1 to 1 of a pair's variance; 2026-11-27). The plain recipe counts families.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from analysis.scales import Floats

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
CONFIDENCE = 0.95


@dataclass(frozen=True)
class Pairs:
    """A method's pairs: the rows of the model and of its baseline, and the number of the family, each [pair]."""

    models: Ints
    baselines: Ints
    families: Ints

    def only(self, which: Bools) -> "Pairs":
        """Some of the pairs, [pair]."""
        return Pairs(self.models[which], self.baselines[which], self.families[which])

    def change(self, values: Floats) -> Floats:
        """By how much values [row] differ, [pair]; NaN where one is missing."""
        return values[self.models] - values[self.baselines]


@dataclass(frozen=True)
class Rungs:
    """The ladder that capability is taken out by.

    basis     of the capability score [row, term]
    terms     what each counts for: of the whole ladder (None), and without each family that has rungs
    lower, upper  the range of the scores that it explains
    """

    basis: Floats
    terms: Mapping[int | None, Floats]
    lower: float
    upper: float

    @property
    def families(self) -> set[int]:
        """The families with a rung."""
        return {family for family in self.terms if family is not None}

    def explained(self, pairs: Pairs, families: Iterable[int | None] = (None,)) -> Floats:
        """What the ladder, without each family, makes of each pair's difference in capability, [family, pair]."""
        step = self.basis[pairs.models] - self.basis[pairs.baselines]
        terms = np.stack([self.terms.get(family, self.terms[None]) for family in families])
        return np.asarray(terms @ step.T)


@dataclass(frozen=True)
class Effect:
    """An estimate over pairs: NaN without any; its error NaN where all are of one family. effective: the number of
    families of equal size that would count as much as these.
    """

    point: float
    error: float
    pairs: int
    families: int
    effective: float

    @property
    def df(self) -> int:
        """Degrees of freedom of its error by the plain recipe."""
        return max(self.families - 1, 0)

    @property
    def effective_df(self) -> float:
        """Degrees of freedom of its error by the effective number of families."""
        return max(self.effective - 1, 1.0) if self.families > 1 else 0.0

    @property
    def interval(self) -> tuple[float, float]:
        """At 95 %, by Student's t; NaN where there is no error."""
        half = stats.t.isf((1 - CONFIDENCE) / 2, self.df) * self.error if self.df else np.nan
        return self.point - half, self.point + half


NOTHING = Effect(np.nan, np.nan, 0, 0, 0.0)


def line(score: Floats, y: Floats, rungs: Bools, families: Ints) -> Rungs | None:
    """The ordinary least-squares line of y on the score [row] over the rungs that have both; None with fewer than two
    scores.
    """
    known = rungs & np.isfinite(score) & np.isfinite(y)
    if len(np.unique(score[known])) < 2:
        return None
    terms: dict[int | None, Floats] = {None: _slope(score, y, known)}
    terms |= {int(family): _slope(score, y, known & (families != family)) for family in np.unique(families[known])}
    return Rungs(score[:, None], terms, float(score[known].min()), float(score[known].max()))


def difference(values: Floats, pairs: Pairs) -> Effect:
    """The mean difference in values [row]: T of a measurement, E of the capability score."""
    return mean_change(pairs.change(values), pairs)


def mean_change(change: Floats, pairs: Pairs) -> Effect:
    """The mean of the pairs' changes, [pair]."""
    known = np.isfinite(change)
    return _jackknifed(change[None], known, pairs.families, np.unique(pairs.families[known]))


def beyond(y: Floats, score: Floats, pairs: Pairs, ladder: Rungs, counts: Bools | None = None) -> Effect:
    """D over the pairs that have all four cells and `counts` [pair], where given."""
    return beyond_of(pairs.change(y), score, pairs, ladder, counts)


def beyond_of(change: Floats, score: Floats, pairs: Pairs, ladder: Rungs, counts: Bools | None = None) -> Effect:
    """D of the pairs' changes, [pair]."""
    known = np.isfinite(change) & np.isfinite(pairs.change(score)) & (True if counts is None else counts)
    left_out = np.array(sorted(ladder.families | {int(family) for family in pairs.families[known]}), dtype=np.int64)
    rest = change - ladder.explained(pairs, (None, *left_out.tolist()))
    return _jackknifed(rest, known, pairs.families, left_out)


def outside(score: Floats, pairs: Pairs, ladder: Rungs) -> Bools:
    """Which pairs have a score outside the ladder's range, [pair]; a missing score is not."""
    ends = score[pairs.models], score[pairs.baselines]
    return np.asarray((np.minimum(*ends) < ladder.lower) | (np.maximum(*ends) > ladder.upper))


def _slope(score: Floats, y: Floats, known: Bools) -> Floats:
    x = score[known] - score[known].mean() if known.any() else np.zeros(0)
    return np.array([x @ y[known] / (x @ x) if x @ x > 0 else np.nan])


def _jackknifed(rest: Floats, known: Bools, families: Ints, left_out: Ints) -> Effect:
    """The mean over the known pairs, and its delete-one-family error. rest: [1 + family left out, pair], of the whole
    ladder first; one row serves all where there is no ladder.
    """
    sizes = np.unique(families[known], return_counts=True)[1]
    if not len(sizes):
        return NOTHING
    point = float(rest[0, known].mean())
    if len(sizes) == 1:
        return Effect(point, np.nan, int(known.sum()), 1, 1.0)
    held = known & (families != left_out[:, None])
    rows = np.where(held, rest[1:] if len(rest) > 1 else rest, 0.0)
    without = rows.sum(1) / held.sum(1)
    size = len(without)
    error = float(np.sqrt((size - 1) / size * ((without - without.mean()) ** 2).sum()))
    return Effect(point, error, int(known.sum()), len(sizes), float(sizes.sum() ** 2 / (sizes**2).sum()))
