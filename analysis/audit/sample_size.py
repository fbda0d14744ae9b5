"""What would decide an undetermined verdict, if the estimates are taken for the truth: more seeds, more models, or more
test examples.
"""

from math import ceil, sqrt
from typing import NamedTuple

from analysis.audit.power import MOST, pairs_for_equivalence, pairs_needed
from analysis.audit.settings import AuditSettings
from analysis.schema import Row

MOST_SEEDS = 100
EXAMPLES = ("total_examples", "capability_examples", "beyond_examples")
FAMILY = "family"  # the unit of pairs measured elsewhere


class Deciding(NamedTuple):
    """Seeds a model, with the models there are, or models with the seeds there are; None where they would not do. The
    label that they would decide. Where families are the units, families stand for models. `examples`: neither would do,
    as the test examples alone, which all runs share, leave too large an error.
    """

    seeds: int | None
    models: int | None
    label: str = ""
    families: bool = False
    examples: bool = False

    @property
    def said(self) -> str:
        """In words; empty where neither would do."""
        if self.seeds is not None:
            return f"about {self.seeds} seeds a model"
        if self.models is None:
            return "more test examples (more models would not do)" if self.examples else ""
        return f"about {self.models} {'families with pairs' if self.families else 'models (more seeds would not do)'}"


NOTHING = Deciding(None, None)


def deciding(row: Row, settings: AuditSettings) -> Deciding:
    """What takes the fewest units to decide a claim, were its estimates the truth: the seeds, or else the models, with
    which a label is reached in 80 % of studies, the correction for all claims included; nothing where no number up to
    1000 units would.

    More seeds shrink the seeds' share of the spread of a model's effect (`seed_share`), more models all of it; neither
    shrinks the part of the variance that the test examples add (`*_examples`).
    """
    if any(row[name] is None for name in ("total", "capability", "beyond", "units", "pairs")):
        return NOTHING
    v, sd = _spreads(row)
    counts = {label: _together(parts) for label, parts in _counts(v, sd, settings.alpha).items()}
    known = {label: count for label, count in counts.items() if count is not None}
    if not known:
        without = _counts({**v, **dict.fromkeys(EXAMPLES, 0.0)}, sd, settings.alpha)
        label = next((label for label, parts in without.items() if _together(parts) is not None), "")
        return Deciding(None, None, label, examples=True) if label else NOTHING
    label = min(known, key=lambda name: known[name])
    return _in_seeds_or_models(row, v, known[label], label)


def deciding_price(row: Row, settings: AuditSettings) -> Deciding:
    """The same for what a gain costs of capability: whether E is above minus its margin, or below."""
    v, sd = _spreads(row)
    away = v["capability"] + v["capability_margin"]
    label, level = ("DIFFERENTIAL", settings.alpha) if away > 0 else ("TRADE-OFF", settings.alpha / 2)
    parts = [_beside_examples(pairs_needed(abs(away), sd["capability"], alpha=level), "capability", v)]
    if away > 0:
        parts.append(_beside_examples(pairs_needed(v["total"], sd["total"], alpha=settings.alpha), "total", v))
    units = _together(parts)
    return NOTHING if units is None else _in_seeds_or_models(row, v, units, label)


def _spreads(row: Row) -> tuple[dict[str, float], dict[str, float]]:
    """The row's numbers, and by how much each estimate scatters for one unit of the study."""
    v = {name: float(value) for name, value in row.items() if isinstance(value, int | float)}
    root = sqrt(v["units"])
    return v, {name: v[f"{name}_se"] * root for name in ("total", "capability", "beyond")}


def _beside_examples(units: int | None, name: str, v: dict[str, float]) -> int | None:
    """The units that an estimate needs of which so many would do if more of them shrank all of its variance."""
    examples = v.get(f"{name}_examples", 0.0)
    if not examples or units is None:
        return units
    left = v["units"] / units - examples
    needed = ceil(v["units"] * (1 - examples) / left) if left > 0 else MOST + 1
    return needed if needed <= MOST else None


def _together(counts: list[int | None]) -> int | None:
    return None if None in counts else max(count for count in counts if count is not None)


def _in_seeds_or_models(row: Row, v: dict[str, float], units: int, label: str) -> Deciding:
    seeds = v["pairs"] / v["models"]
    units = max(units, int(v["units"]) + 1)  # those there are have not decided it
    if row["unit"] == FAMILY:
        return Deciding(None, units, label, families=True)
    if row["unit"] == "pair":
        return Deciding(ceil(units / v["models"]), None, label)
    share = v.get("seed_share", 0.0)
    left = v["units"] / units - (1 - share)
    if left > 0 and (needed := ceil(share * seeds / left)) <= MOST_SEEDS:
        return Deciding(needed, None, label)
    return Deciding(None, units, label)


def _counts(v: dict[str, float], sd: dict[str, float], alpha: float) -> dict[str, list[int | None]]:
    """The units that each test needs of every label that the estimates lie in."""
    total, capability, beyond, margin = v["total"], v["capability"], v["beyond"], v["margin"]

    def above(distance: float, name: str, level: float) -> int | None:
        return _beside_examples(pairs_needed(distance, sd[name], alpha=min(alpha, level)), name, v)

    def within(name: str, level: float) -> int | None:
        units = pairs_for_equivalence(v[name], margin, sd[name], alpha=min(alpha, level))
        return _beside_examples(units, name, v)

    found: dict[str, list[int | None]] = {}
    if total < -margin:
        found["REGRESSION"] = [above(-margin - total, "total", v["level_loss"])]
    if beyond > margin:
        found["a gain"] = [above(beyond - margin, "beyond", v["level_gain"])]
    if beyond < margin:
        found["NO GAIN"] = [above(margin - beyond, "beyond", v["level_none"])]
    if beyond > 0 and total > 0:
        found["GAIN, SIZE OPEN"] = [above(beyond, "beyond", v["level_sign"]), above(total, "total", v["level_sign"])]
    if abs(beyond) < margin and abs(total) < margin:
        found["NULL"] = [within("total", v["level_null"]), within("beyond", v["level_null"])]
    if abs(beyond) < margin and total > 0 and capability > 0:
        rest = [above(v[name], name, v["level_wash"]) for name in ("total", "capability")]
        found["WASHING"] = [within("beyond", v["level_wash"]), *rest]
    return found
