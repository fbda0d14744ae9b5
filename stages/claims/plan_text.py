"""What was planned, as one text whose digest can be published before the first run: every run, condition and
measurement with its options, the data they are made from, and the digest of the audit. Code is in no part of it.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import polars as pl

from analysis.tables import FACTS
from stages.claims.verifier.container import DIGITS, canonical, digest

OF_RUN = ("run", "task", "method", "model", "family", "seed", "role", "at_step", "sibling", "splits", "spec")
OF_CONDITION = ("task", "condition", "splits", "sibling", "checkpoints", "agreement", "spec")
OF_MEASUREMENT = (
    *("task", "measurement", "condition", "metric", "axis", "pillar", "reference"),
    *FACTS,
    "spec",
)


def plan_text(tables: Iterable[pl.DataFrame], data: Mapping[str, Any], audit: str) -> bytes:
    """The text, from the tables PLANNED_RUNS, PLANNED_CELLS and PLANNED_MEASUREMENTS, what plan/data.json holds, and
    the digest of the audit.
    """
    parts = {
        "runs": (OF_RUN, ("run",)),
        "conditions": (OF_CONDITION, ("task", "condition")),
        "measurements": (OF_MEASUREMENT, ("task", "measurement")),
    }
    said: dict[str, Any] = {"audit": audit, "data": data}
    for table, (part, (names, key)) in zip(tables, parts.items(), strict=True):
        chosen = table.select(names).to_dicts()
        said[part] = sorted(chosen, key=lambda row: [row[name] for name in key])
    return canonical(said)


def plan_digest(text: bytes) -> str:
    """What is published of it."""
    return digest(text)[:DIGITS]
