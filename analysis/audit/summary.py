"""The audit in few words: counts for a metrics file, and one plain sentence per verdict."""

from collections.abc import Mapping
from typing import Any

import polars as pl

from analysis.audit.decision import LABELS
from analysis.audit.margins import margins_digest
from analysis.audit.settings import AuditSettings
from analysis.audit.verdicts import Audit


def summary(audit: Audit, settings: AuditSettings) -> dict[str, Any]:
    """Counts per label over primary claims and over all, the placebos' labels, how many verdicts flagged runs change,
    the margins' digest.
    """
    verdicts = audit.verdicts.filter(~pl.col("method").is_in(settings.placebos))
    placebos = audit.verdicts.filter(pl.col("method").is_in(settings.placebos))
    primary = verdicts.filter(pl.col("tier") == "primary")
    changed = verdicts.filter(
        pl.col("label_without_flagged").is_not_null() & (pl.col("label_without_flagged") != pl.col("label"))
    )
    metrics = audit.metrics.group_by("label").len().drop_nulls().sort("label")
    return {
        "claims": len(verdicts),
        "primary": _counts(primary),
        "all": _counts(verdicts),
        "placebos": {
            str(name): _counts(part)
            for (name,), part in placebos.sort("method").group_by("method", maintain_order=True)
        },
        "changed_without_flagged": len(changed),
        "metrics": {str(label): int(count) for label, count in metrics.iter_rows()},
        "margins": margins_digest(audit.margins),
        "false_discovery_rate": settings.false_discovery_rate,
    }


def sentence(row: Mapping[str, Any]) -> str:
    """One plain sentence for a row of the verdicts."""
    place = f"{row['method']} on {row['dataset']}, {row['measurement']}"
    label = row["label"] + (f" ({row['qualifier']})" if row["qualifier"] else "")
    if row["label"] == "BLOCKED":
        return f"{place}: BLOCKED, no verdict is given because a gate failed ({row['reason']})."
    text = f"{place}: {label}, {_MEANING[row['label']]}"
    facts = [
        f"{name} {row[key]:+.2f} [{row[key + '_lower']:+.2f}, {row[key + '_upper']:+.2f}]"
        for name, key in (("beyond capability", "beyond"), ("in all", "total"), ("on capability", "capability"))
        if row[key] is not None
    ]
    rest = (
        f" ({'; '.join(facts)}; margin {row['margin']:.2f}; {row['pairs']} pairs of {row['models']} models)"
        if facts
        else ""
    )
    return f"{text}{rest}{'; ' + row['reason'] if row['reason'] else ''}."


_MEANING = {
    "DIFFERENTIAL": "it is safer beyond what its capability explains",
    "TRADE-OFF": "it is safer beyond what its capability explains, and pays for it with capability",
    "WASHING": "it is safer only as far as it is more capable",
    "REGRESSION": "it is less safe",
    "NULL": "it changes neither safety nor capability by more than the margins",
    "UNDETERMINED": "the study can't tell",
}


def _counts(verdicts: pl.DataFrame) -> dict[str, int]:
    return {label: int((verdicts["label"] == label).sum()) for label in LABELS}
