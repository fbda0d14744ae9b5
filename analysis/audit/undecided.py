"""What would decide an undetermined verdict, if the estimates are taken for the truth: more seeds, or more models."""

from collections.abc import Mapping
from math import ceil, sqrt
from typing import Any, NamedTuple

from analysis.audit.power import pairs_for_equivalence, pairs_needed
from analysis.audit.settings import AuditSettings

Row = Mapping[str, Any]

MOST_SEEDS = 100


class Deciding(NamedTuple):
    """Seeds a model, with the models there are, or models with the seeds there are; None where they would not do."""

    seeds: int | None
    models: int | None


def deciding(row: Row, settings: AuditSettings) -> Deciding:
    """The seeds, or else the models, with which the label that the estimates point at is reached in 80 % of studies,
    the correction for all claims included; nothing where no number up to 1000 units would.

    More seeds shrink the seeds' share of the spread of a model's effect (`seed_share`), more models all of it.
    """
    if any(row[name] is None for name in ("total", "capability", "beyond", "units", "pairs")):
        return Deciding(None, None)
    v = {name: float(value) for name, value in row.items() if isinstance(value, int | float)}
    root = sqrt(v["units"])
    sd = {name: v[f"{name}_se"] * root for name in ("total", "capability", "beyond")}
    counts = _counts(v, sd, settings.alpha)
    if not counts or any(count is None for count in counts):
        return Deciding(None, None)
    units = max(count for count in counts if count is not None)
    seeds = v["pairs"] / v["models"]
    if row["unit"] == "pair":
        return Deciding(ceil(units / v["models"]), None)
    share = v.get("seed_share", 0.0)
    left = v["units"] / units - (1 - share)
    if left > 0 and (needed := ceil(share * seeds / left)) <= MOST_SEEDS:
        return Deciding(needed, None)
    return Deciding(None, units)


def _counts(v: dict[str, float], sd: dict[str, float], alpha: float) -> list[int | None]:
    """The units that each test of the nearest label needs."""
    total, capability, beyond = v["total"], v["capability"], v["beyond"]
    margin, tax = v["margin"], v["capability_margin"]

    def above(distance: float, name: str, level: float) -> int | None:
        return pairs_needed(distance, sd[name], alpha=min(alpha, level))

    def within(width: float, name: str) -> int | None:
        return pairs_for_equivalence(v[name], width, sd[name], alpha=min(alpha, v["level_equivalence"]))

    if total < -margin:
        return [above(-margin - total, "total", alpha / 2)]
    if beyond > margin:
        first = above(beyond - margin, "beyond", v["level_differential"])
        if capability > -tax:
            return [first, above(total, "total", alpha / 2), above(capability + tax, "capability", alpha)]
        return [first, above(-tax - capability, "capability", alpha / 2)]
    if abs(total) < margin and abs(capability) < tax:
        return [within(margin, "total"), within(tax, "capability")]
    if abs(beyond) < margin:
        return [within(margin, "beyond"), above(total, "total", alpha / 2), above(capability, "capability", alpha)]
    return []
