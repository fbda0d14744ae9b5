"""Fragility of verdicts on pairs: the fewest families without which a claim has another label.

As of a trained study (`analysis.audit.fragility`): a family's baselines leave the ladder and its pairs the method, all
estimates and errors are made again, margins, scores and what the choice of items adds to the errors stay, and the claim
is judged against the level that all others, as they were, leave it. Of more than 40 families, one or two of the 40 with
the most rungs and pairs are removed.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from analysis.audit.decision import tested
from analysis.audit.fragility import MOST, Claim, Item, Removal, fewest
from analysis.audit.sample_size import FAMILY
from analysis.audit.schema import FRAGILITY, conformed
from analysis.audit.settings import AuditSettings
from analysis.audit.standing import Levels, levels_left
from analysis.pairs.estimation import LEAST_TOLD, Paired, estimated, untested
from analysis.schema import Row

MOST_FAMILIES = 40
FEW = 2  # removed at once, where there are more families than that


@dataclass(frozen=True)
class PairedStudy:
    """What claims are judged by when families of pairs are removed.

    margins   by measurement, and for capability
    families  the number of each item
    """

    paired: Paired
    margins: Mapping[str, float]
    families: list[int]
    levels: Mapping[Claim, Levels]
    settings: AuditSettings

    def claims(self, removals: Iterable[Removal], items: list[Item]) -> dict[Removal, dict[Claim, dict[str, Row]]]:
        """The tested rows by removal, claim and match."""
        order = list(removals)
        found: dict[Removal, dict[Claim, dict[str, Row]]] = {removal: {} for removal in order}
        rows = []
        for number, removal in enumerate(order):
            left = self.paired.without(np.array([self.families[item] for item in removal], dtype=np.int64))
            effects = estimated(left, self.settings, axes=("safety",))
            rows += [row | {"removal": number} for row in untested(left, effects, self.margins)]
        if not rows:
            return found
        frame = pl.DataFrame(rows, infer_schema_length=None).with_columns(pl.col(pl.Float64).fill_nan(None))
        for row in tested(frame, self.settings, LEAST_TOLD).iter_rows(named=True):
            found[order[row["removal"]]][row["method"], row["measurement"]] = {row["match"]: row}
        return found


def family_fragility(
    paired: Paired, verdicts: pl.DataFrame, margins: pl.DataFrame, settings: AuditSettings
) -> pl.DataFrame:
    """The table FRAGILITY: a row for each claim that is not BLOCKED, where two families have a rung or a pair."""
    of_rows = [paired.families[paired.rungs], *(pairs.families for pairs in paired.methods.values())]
    held, sizes = np.unique(np.concatenate(of_rows), return_counts=True)
    if verdicts.is_empty() or len(held) < 2:
        return FRAGILITY.empty()
    place = {"domain": paired.grid.domain, "dataset": paired.grid.dataset}
    claims = {(row["method"], row["measurement"]): row["label"] for row in verdicts.iter_rows(named=True)}
    levels = levels_left(verdicts, settings)
    of_claims = {claim: levels[*place.values(), *claim] for claim in claims}
    bounds = dict(margins.select("measurement", "margin").iter_rows())
    numbers = sorted(held[np.argsort(-sizes, kind="stable")[:MOST_FAMILIES]].tolist())
    most = MOST if len(held) <= MOST_FAMILIES else FEW
    asked = {method: paired.methods[method] for method, _ in claims}
    study = PairedStudy(replace(paired, methods=asked), bounds, numbers, of_claims, settings)
    none = np.ones(0, bool)
    items: list[Item] = [(paired.names[number], none, none) for number in numbers]
    rows = [{**place, "of": FAMILY, **row} for row in fewest(study, items, claims, most)]
    return conformed(pl.DataFrame(rows, schema=FRAGILITY.columns), FRAGILITY).sort("method", "measurement")
