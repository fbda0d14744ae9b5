"""Fragility: the fewest models, families or seeds without which a claim has another label.

What is removed leaves the ladder and the pairs alike. The estimates are the audit's own, made again without it: the
jackknife over the models that are left, degrees of freedom pooled over the methods; nothing is drawn. Margins,
capability scores, scales and gates stay those of the whole study. Of the families of claims only the claim's own
p-values change: it is judged against the levels that all other claims, as they were, leave it.

One and two are exact, all are tried (two where that is no more than 300). Beyond that, up to four, it is greedy: to
what brings the claim nearest to another label, each of the eight is added that alone bring it nearest. A removal that
takes away an estimate of the claim, or leaves its method too few models to be units, is no change of label.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import combinations
from math import comb
from typing import Any, Protocol

import numpy as np
import polars as pl

from analysis.audit.grid import Bools, Grid, grids
from analysis.audit.looks import Look, first_judged
from analysis.audit.removals import Whole, of_measurements, tested_without
from analysis.audit.schema import FRAGILITY, conformed
from analysis.audit.settings import AuditSettings
from analysis.audit.standing import Levels, levels_left, room, standing
from analysis.capability import at_last_step
from analysis.scales import Floats
from analysis.schema import Row

MOST = 4
MOST_PAIRS = 300
CANDIDATES = 8
KEY = ("method", "measurement")
Claim = tuple[str, str]  # its method and measurement
Removal = tuple[int, ...]  # numbers of items, in order
Item = tuple[str, Bools, Bools]  # its name; the models and the seeds that are left without it


def fragility(
    results: pl.DataFrame,
    scores: pl.DataFrame,
    verdicts: pl.DataFrame,
    margins: pl.DataFrame,
    settings: AuditSettings,
    look: Look | None = None,
) -> pl.DataFrame:
    """The table FRAGILITY: a row for each claim of the primary tier on models that is not BLOCKED and each kind of what
    can be removed without leaving too little; at a look of those that are `first_judged`. verdicts and margins: of the
    audit of `results` and `scores` at that look.
    """
    primary = verdicts.filter(pl.col("tier") == "primary")
    levels = levels_left(primary, settings, look)
    primary = first_judged(primary, look, settings)
    rows: list[dict[str, Any]] = []
    for grid in grids(results, scores, settings) if len(primary) else []:
        place = {"domain": grid.domain, "dataset": grid.dataset}
        own = primary.filter(**place)
        if own.is_empty():
            continue
        bounds = dict(margins.filter(**place).select("measurement", "margin").iter_rows())
        part = of_measurements(grid, own["measurement"].unique().to_list())
        labels = {(row["method"], row["measurement"]): row["label"] for row in own.iter_rows(named=True)}
        of_claims = {claim: levels[grid.domain, grid.dataset, *claim] for claim in labels}
        bound = np.array([bounds[name] for name in part.measurements["measurement"]])
        study = Study(Whole.of(part, settings), bound, bounds["capability"], of_claims, settings)
        for of, items in _items(part, results.filter(**place)).items():
            rows += [{**place, "of": of, **row} for row in fewest(study, items, labels)]
    return conformed(pl.DataFrame(rows, schema=FRAGILITY.columns), FRAGILITY)


class Judged(Protocol):
    """Claims, each judged against its levels, of which something can be removed."""

    @property
    def levels(self) -> Mapping[Claim, Levels]:
        """The levels that all other claims leave a claim."""

    @property
    def settings(self) -> AuditSettings:
        """The audit's."""

    def claims(self, removals: Iterable[Removal], items: list[Item]) -> dict[Removal, dict[Claim, dict[str, Row]]]:
        """The tested rows by removal, claim and match."""


@dataclass(frozen=True)
class Study:
    """What claims are judged by when something of the study is removed."""

    whole: Whole
    margins: Floats  # [measurement]
    capability_margin: float
    levels: Mapping[Claim, Levels]
    settings: AuditSettings

    def claims(self, removals: Iterable[Removal], items: list[Item]) -> dict[Removal, dict[Claim, dict[str, Row]]]:
        """The tested rows by removal, claim and match."""
        order, frames = list(removals), {}
        for number, removal in enumerate(order):
            models, seeds = (np.ones(size, bool) for size in self.whole.grid.capability.shape[1:])
            for item in removal:
                models, seeds = models & items[item][1], seeds & items[item][2]
            if models.any() and seeds.any():
                frames[number] = self.whole.without(models, seeds).estimated(self.margins, self.capability_margin)
        found: dict[Removal, dict[Claim, dict[str, Row]]] = {removal: {} for removal in order}
        place = {"domain": self.whole.grid.domain, "dataset": self.whole.grid.dataset}
        for row in tested_without(frames, self.settings).iter_rows(named=True):
            of = found[order[row["removal"]]].setdefault((row["method"], row["measurement"]), {})
            of[row["match"]] = row | place
        return found


@dataclass
class _Open:
    """A claim whose label no removal has changed so far."""

    label: str
    known: set[tuple[str, str]]  # its estimates, by match
    alone: list[tuple[float, Removal]] = field(default_factory=list)  # room without each item that may be removed
    nearest: tuple[float, Removal] = (np.inf, ())


def fewest(study: Judged, items: list[Item], labels: Mapping[Claim, str], most: int = MOST) -> list[dict[str, Any]]:
    """A row for each claim that the estimates give its label: method, measurement, fewest, up to `most`, removed,
    label_then.
    """
    open_claims = {
        claim: _Open(labels[claim], _known(matches))
        for claim, matches in study.claims([()], items)[()].items()
        if claim in labels and standing(matches, study.levels[claim], study.settings)[0] == labels[claim]
    }
    nothing = dict.fromkeys(("fewest", "removed", "label_then"))
    found = {claim: {**dict(zip(KEY, claim, strict=True)), **nothing} for claim in open_claims}
    for size in range(1, min(most, len(items) - 1) + 1):
        asked = _removals(size, len(items), open_claims)
        rows = study.claims(sorted({removal for each in asked.values() for removal in each}), items)
        for claim, removals in asked.items():
            changed = _changed(study, claim, open_claims[claim], {removal: rows[removal] for removal in removals})
            if not changed and not open_claims[claim].alone:
                del found[claim], open_claims[claim]
            elif changed:
                removal, label = changed
                names = ", ".join(items[item][0] for item in removal)
                found[claim] |= {"fewest": size, "removed": names, "label_then": label}
                del open_claims[claim]
    return list(found.values())


def _removals(size: int, items: int, claims: Mapping[Claim, _Open]) -> dict[Claim, list[Removal]]:
    if size == 1 or (size == 2 and comb(items, 2) <= MOST_PAIRS):
        every = list(combinations(range(items), size))
        return dict.fromkeys(claims, every)
    asked = {}
    for claim, each in claims.items():
        alone = [item for _, (item,) in sorted(each.alone) if item not in each.nearest[1]]
        asked[claim] = [tuple(sorted((*each.nearest[1], item))) for item in alone[:CANDIDATES]]
    return asked


def _changed(
    study: Judged, claim: Claim, of: _Open, rows: Mapping[Removal, Mapping[Claim, dict[str, Row]]]
) -> tuple[Removal, str] | None:
    """The removal that changes the label most clearly, and the label then; `of` learns how near the others come."""
    changed: list[tuple[float, Removal, str]] = []
    near: list[tuple[float, Removal, str]] = []
    for removal, by_claim in rows.items():
        matches = by_claim.get(claim, {})
        if not of.known <= _known(matches):
            continue
        label, p = standing(matches, study.levels[claim], study.settings)
        left = room(of.label, p, study.levels[claim], study.settings)
        (near if label == of.label else changed).append((left, removal, label))
    if changed:
        _, removal, label = min(changed)
        return removal, label
    rooms = [(left, removal) for left, removal, _ in near]
    of.alone = of.alone or rooms
    of.nearest = min(rooms, default=of.nearest)
    return None


def _known(matches: Mapping[str, Row]) -> set[tuple[str, str]]:
    return {(match, name) for match, row in matches.items() for name in ("total", "beyond") if row[name] is not None}


def _items(grid: Grid, results: pl.DataFrame) -> dict[str, list[Item]]:
    """What can be removed, by kind: where there are two or more of it."""
    last = at_last_step(results.filter(part="all"))
    family = dict(last.select("model", "family").iter_rows())
    seeds = last["seed"].unique().sort().to_list()
    families = np.array([family[model] for model in grid.models])
    models, all_seeds = np.array(grid.models), np.ones(len(seeds), bool)
    found: dict[str, list[Item]] = {
        "model": [(name, models != name, all_seeds) for name in grid.models],
        "family": [(name, families != name, all_seeds) for name in sorted(set(families.tolist()))],
        "seed": [(str(seed), np.ones(len(models), bool), np.array(seeds) != seed) for seed in seeds],
    }
    return {of: items for of, items in found.items() if len(items) > 1}
