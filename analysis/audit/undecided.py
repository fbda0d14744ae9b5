"""What would decide an undetermined verdict: the pairs, if the estimates are taken for the truth."""

from math import ceil, sqrt

from analysis.audit.power import pairs_for_equivalence, pairs_needed
from analysis.audit.settings import AuditSettings

Row = dict[str, float | None]


def deciding_pairs(row: Row, settings: AuditSettings) -> int | None:
    """The pairs with which the label the estimates point at is reached in 80 % of studies; None where no number up to
    1000 units would.

    The units' spread is taken as it is: pairs that are more seeds of the same models narrow only the seeds' part of it.
    """
    if any(row[name] is None for name in ("total", "capability", "beyond", "units", "pairs")):
        return None
    v = {name: float(value) for name, value in row.items() if isinstance(value, int | float)}
    root = sqrt(v["units"])
    sd = {name: v[f"{name}_se"] * root for name in ("total", "capability", "beyond")}
    counts = _counts(v, sd, settings.alpha)
    if not counts or any(count is None for count in counts):
        return None
    return ceil(max(count for count in counts if count is not None) / v["units"] * v["pairs"])


def _counts(v: dict[str, float], sd: dict[str, float], alpha: float) -> list[int | None]:
    total, capability, beyond = v["total"], v["capability"], v["beyond"]
    margin, tax = v["margin"], v["capability_margin"]
    if total < -margin:
        return [pairs_needed(-margin - total, sd["total"], alpha=alpha / 2)]
    if beyond > margin and capability > -tax:
        first = [
            pairs_needed(beyond - margin, sd["beyond"], alpha=alpha),
            pairs_needed(total, sd["total"], alpha=alpha / 2),
        ]
        return [*first, pairs_needed(capability + tax, sd["capability"], alpha=alpha)]
    if beyond > margin:
        return [
            pairs_needed(beyond - margin, sd["beyond"], alpha=alpha),
            pairs_needed(-tax - capability, sd["capability"], alpha=alpha / 2),
        ]
    if abs(total) < margin and abs(capability) < tax:
        return [_equivalent(total, margin, sd["total"], alpha), _equivalent(capability, tax, sd["capability"], alpha)]
    if abs(beyond) < margin:
        first = [_equivalent(beyond, margin, sd["beyond"], alpha), pairs_needed(total, sd["total"], alpha=alpha / 2)]
        return [*first, pairs_needed(capability, sd["capability"], alpha=alpha)]
    return []


def _equivalent(effect: float, width: float, sd: float, alpha: float) -> int | None:
    return pairs_for_equivalence(effect, width, sd, alpha=alpha)
