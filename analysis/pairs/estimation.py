"""Every method's estimates over its pairs, on the audit's scales, as its tests take them."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import polars as pl

from analysis.audit.decision import LEAST_DF, tested
from analysis.audit.fitting import natural_basis
from analysis.audit.grid import Grid
from analysis.audit.ladder import Ladder, capability_ladder, coefficients_without
from analysis.audit.sample_size import FAMILY
from analysis.audit.settings import AuditSettings
from analysis.pairs.effects import (
    NOTHING,
    Bools,
    Effect,
    Ints,
    Pairs,
    Rungs,
    beyond_of,
    difference,
    mean_change,
    outside,
)
from analysis.scales import Floats

LEAST_TOLD = 1  # degrees of freedom of D: whether it is told goes by the number of families
ESTIMATES = ("total", "capability", "beyond")


@dataclass(frozen=True)
class Paired:
    """The models of a table: one a row of the grid, whose only method and seed they have.

    rungs     [row], whether it is a baseline model
    families  [row], the number of its family, or of itself
    methods   each method's pairs
    names     of the families, by number
    common    by measurement and the rows of a pair: its change on the scale and as measured over the items that both
              sides have, where they have others, too (`analysis.pairs.items`)
    added     by method, measurement and effect: the variance that the choice of items adds, where it is known
    """

    grid: Grid
    rungs: Bools
    families: Ints
    methods: dict[str, Pairs]
    names: list[str]
    common: Mapping[int, Mapping[tuple[int, int], tuple[float, float]]] = field(default_factory=dict)
    added: Mapping[tuple[str, int, str], float] = field(default_factory=dict)

    @property
    def score(self) -> Floats:
        """The capability score, [row]."""
        return self.grid.capability[0, :, 0]

    def y(self, column: int) -> Floats:
        """A measurement on its scale, up is safer, [row]."""
        return self.grid.y[0, :, 0, column]

    def value(self, column: int) -> Floats:
        """A measurement as measured, [row]."""
        return self.grid.value[0, :, 0, column]

    def change(self, column: int, pairs: Pairs, *, measured: bool = False) -> Floats:
        """By how much pairs differ in a measurement on its scale, or as measured, [pair]."""
        found = pairs.change(self.value(column) if measured else self.y(column))
        for ends, changes in self.common.get(column, {}).items():
            found[(pairs.models == ends[0]) & (pairs.baselines == ends[1])] = changes[measured]
        return found

    def without(self, families: Ints) -> "Paired":
        """The same without the rungs and the pairs of these families."""
        kept = {name: pairs.only(~np.isin(pairs.families, families)) for name, pairs in self.methods.items()}
        return replace(self, rungs=self.rungs & ~np.isin(self.families, families), methods=kept)

    def noise(self, method: str, column: int, effect: str, share: float) -> float:
        """The variance over test examples, which all pairs share, of a method's total effect or of that beyond
        capability: as their items show, else a share of the variance of one pair.
        """
        if (method, column, effect) in self.added:
            return self.added[method, column, effect]
        pairs = self.methods[method]
        variance = self.grid.error[0, :, 0, column] ** 2
        of_pairs = variance[pairs.models] + variance[pairs.baselines]
        known = of_pairs[np.isfinite(of_pairs)]
        return share * float(known.mean()) if len(known) else 0.0


@dataclass(frozen=True)
class Found:
    """What a method does to a measurement. covered: its pairs that D rests on, of those that have all four cells."""

    method: str
    column: int
    total: Effect
    capability: Effect
    beyond: Effect
    covered: int
    cells: int
    total_covered: float
    ladder: Ladder | None
    slope: float  # of the ladder where it is a line


def estimated(paired: Paired, settings: AuditSettings, axes: Collection[str] = ("safety", "capability")) -> list[Found]:
    """Every method's effects on every measurement of these axes; of capability T alone."""
    found = []
    capability = {method: difference(paired.score, pairs) for method, pairs in paired.methods.items()}
    for column, axis in enumerate(paired.grid.measurements["axis"]):
        if axis not in axes:
            continue
        ladder = ladder_of(paired, column, settings) if axis == "safety" else None
        rungs = None if ladder is None else rungs_of(ladder, paired)
        found += [_found(paired, method, column, ladder, rungs, capability[method], settings) for method in capability]
    return found


def ladder_of(paired: Paired, column: int, settings: AuditSettings) -> Ladder | None:
    """The audit's ladder of a measurement over the baseline models that have it and a score."""
    usable = paired.rungs & np.isfinite(paired.y(column)) & np.isfinite(paired.score)
    return capability_ladder(paired.grid, usable[:, None], np.array([column]), settings)


def rungs_of(ladder: Ladder, paired: Paired) -> Rungs:
    """The ladder, and the ladder without each family that has rungs: with the same knots, line or curve."""
    families, groups = np.unique(paired.families[ladder.rungs], return_inverse=True)
    terms = coefficients_without(ladder, groups)[:, -2:, 0]
    by_family: dict[int | None, Floats] = {None: terms[0]}
    by_family |= {int(family): each for family, each in zip(families, terms[1:], strict=True)}
    return Rungs(natural_basis(paired.score, ladder.knots), by_family, ladder.lower, ladder.upper)


def _found(
    paired: Paired,
    method: str,
    column: int,
    ladder: Ladder | None,
    rungs: Rungs | None,
    capability: Effect,
    settings: AuditSettings,
) -> Found:
    score, pairs = paired.score, paired.methods[method]
    change = paired.change(column, pairs)
    cells = np.isfinite(change) & np.isfinite(pairs.change(score))
    total = _widened(mean_change(change, pairs), paired.noise(method, column, "total", settings.example_share))
    if total.pairs < settings.min_pairs:
        total = replace(total, error=np.nan)
    beyond_it, covered, of_covered, slope = NOTHING, 0, np.nan, np.nan
    if ladder is not None and rungs is not None:
        inside = cells & ~outside(score, pairs, rungs)
        covered = int(inside.sum())
        slope = np.nan if ladder.curved[0] else float(rungs.terms[None][0] / (ladder.knots[2] - ladder.knots[0]))
        if covered >= max(settings.min_pairs, cells.sum() / 2) and _on(ladder, score[pairs.models[cells]]):
            noise = paired.noise(method, column, "beyond", settings.example_share)
            beyond_it = _widened(beyond_of(change, score, pairs, rungs, inside), noise)
            of_covered = float(change[inside].mean())
    return Found(method, column, total, capability, beyond_it, covered, int(cells.sum()), of_covered, ladder, slope)


def _on(ladder: Ladder, scores: Floats) -> bool:
    return bool(len(scores)) and ladder.lower <= float(scores.mean()) <= ladder.upper


def _widened(effect: Effect, variance: float) -> Effect:
    """The effect with a known variance added to that of its error."""
    return replace(effect, error=float(np.sqrt(effect.error**2 + variance)))


def rows_of(paired: Paired, found: list[Found], margins: pl.DataFrame, settings: AuditSettings) -> pl.DataFrame:
    """The tested rows, as of a trained study's at equal epochs, with the families as the units; D of fewer than three
    is not told. margins: the frame of the margins.
    """
    given = dict(margins.select("measurement", "margin").iter_rows())
    rows = list(untested(paired, found, given))
    if not rows:
        return pl.DataFrame()
    frame = pl.DataFrame(rows, infer_schema_length=None).with_columns(pl.col(pl.Float64).fill_nan(None))
    return tested(frame, settings, LEAST_TOLD)


def untested(paired: Paired, found: list[Found], margins: Mapping[str, float]) -> Iterator[dict[str, object]]:
    """The rows that are tested. margins: by measurement, and for capability."""
    about = paired.grid.measurements.select("measurement", "metric", "condition", "axis", "pillar").to_dicts()
    for each in found:
        name = about[each.column]
        units = {"units": each.total.families, "pairs": each.total.pairs, "models": each.total.pairs}
        yield {
            "domain": paired.grid.domain,
            "dataset": paired.grid.dataset,
            "method": each.method,
            **name,
            "match": "epochs",
            "unit": FAMILY,
            **units,
            "df": each.total.df,
            "in_range": each.covered,
            "margin": margins.get(name["measurement"], np.nan),
            "capability_margin": margins["capability"],
            "total_covered": each.total_covered,
            "capability_beyond_correlation": np.nan,
            "seed_share": 0.0,
            **{of: getattr(each, of).point for of in ("total", "capability")},
            "beyond": each.beyond.point if each.beyond.df >= LEAST_DF and np.isfinite(each.beyond.error) else np.nan,
            **{f"{of}_se": getattr(each, of).error for of in ESTIMATES},
            **{f"{of}_df": getattr(each, of).effective_df for of in ESTIMATES},
        }
