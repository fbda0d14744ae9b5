"""Pairs matched by item: each pair's difference over the items that both have, and what the choice of items adds to the
error of an effect (`analysis.pairs.item_variances`).
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl
from scipy import stats

from analysis.audit.settings import AuditSettings
from analysis.pairs.effects import CONFIDENCE, Pairs
from analysis.pairs.estimation import Paired
from analysis.pairs.item_scores import Scored, scored
from analysis.pairs.item_variances import ITEM_VARIANCES, item_variances
from analysis.scales import counted, on_scale
from analysis.schema import Table, checked

ITEM_PAIRS = Table(
    name="item_pairs",
    columns={
        "method": pl.String,
        "model": pl.String,
        "baseline": pl.String,
        "measurement": pl.String,
        "items": pl.Int64,  # that both have
        "only_model": pl.Int64,  # items that the other one lacks
        "only_baseline": pl.Int64,
        "difference": pl.Float64,  # mean over the items that both have, as measured
        "standard_error": pl.Float64,  # over these items, of this pair of models
        "low": pl.Float64,  # 95 %
        "high": pl.Float64,
    },
    key=("method", "model", "measurement"),
    nullable=("difference", "standard_error", "low", "high"),
)


def with_items(
    paired: Paired, items: pl.DataFrame, settings: AuditSettings
) -> tuple[Paired, pl.DataFrame, pl.DataFrame]:
    """The rows with their pairs matched by item, and the tables ITEM_PAIRS and ITEM_VARIANCES.

    A pair whose sides have different items differs by the items that both have. A pair that lacks scores of items on a
    side stays as it is; the variance over items is then that of the pairs that have them, and is not known, as without
    items, where those are of one family.
    """
    rows, variances = [], []
    for column, name in enumerate(paired.grid.measurements["measurement"]):
        found = scored(items, name, paired.grid.models)
        if found is None:
            continue
        for method, pairs in paired.methods.items():
            rows += [{"method": method, "measurement": name, **row} for row in _pair_rows(paired, pairs, found)]
        paired = replace(paired, common={**paired.common, column: _common(paired, column, found)})
        for method, effect, row in item_variances(paired, column, found, settings):
            variances.append({"method": method, "measurement": name, "effect": effect, **row})
            paired = replace(paired, added={**paired.added, (method, column, effect): row["added"]})
    tables = pl.DataFrame(rows, schema=ITEM_PAIRS.columns), pl.DataFrame(variances, schema=ITEM_VARIANCES.columns)
    return paired, checked(tables[0], ITEM_PAIRS), checked(tables[1], ITEM_VARIANCES)


def paired_difference(items: pl.DataFrame, measurement: str, model: str, baseline: str) -> dict[str, Any] | None:
    """The columns of ITEM_PAIRS from `items` on, of one pair; None where a side has no scores of items."""
    found = scored(items, measurement, [model, baseline])
    return None if found is None else _difference(found, 0, 1)


def _pair_rows(paired: Paired, pairs: Pairs, found: Scored) -> Iterator[dict[str, Any]]:
    """The differences of each pair that has scores of items on both sides."""
    for model, baseline in zip(pairs.models, pairs.baselines, strict=True):
        row = _difference(found, model, baseline)
        if row is not None:
            yield {"model": paired.grid.models[model], "baseline": paired.grid.models[baseline], **row}


def _difference(found: Scored, model: int, baseline: int) -> dict[str, Any] | None:
    sides = [np.isfinite(found.scores[row]) for row in (model, baseline)]
    if not all(side.any() for side in sides):
        return None
    both = sides[0] & sides[1]
    size = int(both.sum())
    row: dict[str, Any] = {
        "items": size,
        "only_model": int(sides[0].sum()) - size,
        "only_baseline": int(sides[1].sum()) - size,
        **dict.fromkeys(("difference", "standard_error", "low", "high")),
    }
    differences = found.scores[model, both] - found.scores[baseline, both]
    if size:
        row["difference"] = float(differences.mean())
    if size > 1:
        row["standard_error"] = float(differences.std(ddof=1) / np.sqrt(size))
        half = float(stats.t.isf((1 - CONFIDENCE) / 2, size - 1)) * row["standard_error"]
        row |= {"low": row["difference"] - half, "high": row["difference"] + half}
    return row


def _common(paired: Paired, column: int, found: Scored) -> dict[tuple[int, int], tuple[float, float]]:
    """By the rows of a pair whose sides have different items: its change on the scale and as measured, over the items
    that both have.
    """
    changes = {}
    about = paired.grid.measurements.row(column, named=True)
    for pairs in paired.methods.values():
        for model, baseline in zip(pairs.models.tolist(), pairs.baselines.tolist(), strict=True):
            both = found.both(model, baseline)
            if not both.any() or (np.isfinite(found.scores[[model, baseline]]) == both).all():
                continue
            means = found.scores[[model, baseline]][:, both].mean(1)
            n = counted(np.full(2, float(both.sum())), about["share"])
            y = on_scale(means, n, about["scale"], about["higher_is_better"])
            changes[model, baseline] = float(y[0] - y[1]), float(means[0] - means[1])
    return changes
