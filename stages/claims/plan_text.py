"""What was planned, as one text whose digest can be published before the first run: every run, condition and
measurement with its options, the data they are made from, and the digest of the audit. Code is in no part of it.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from analysis.tables import FACTS
from stages.claims.verifier.container import DIGITS, canonical, digest

Row = Mapping[str, Any]
OF_RUN = ("run", "task", "method", "model", "family", "seed", "role", "at_step", "companion", "splits", "spec")
OF_CONDITION = ("task", "condition", "splits", "companion", "checkpoints", "agreement", "spec")
OF_MEASUREMENT = (
    *("task", "measurement", "condition", "metric", "axis", "pillar", "reference"),
    *FACTS,
    "spec",
)


def plan_text(
    runs: Iterable[Row], conditions: Iterable[Row], measurements: Iterable[Row], data: Mapping[str, Any], audit: str
) -> bytes:
    """The text, from rows of the plan's tables, what plan/data.json holds, and the audit's digest."""
    parts = {
        "runs": (runs, OF_RUN, ("run",)),
        "conditions": (conditions, OF_CONDITION, ("task", "condition")),
        "measurements": (measurements, OF_MEASUREMENT, ("task", "measurement")),
    }
    said: dict[str, Any] = {"audit": audit, "data": data}
    for part, (rows, names, key) in parts.items():
        chosen = [{name: row[name] for name in names} for row in rows]
        said[part] = sorted(chosen, key=lambda row: [row[name] for name in key])
    return canonical(said)


def plan_digest(text: bytes) -> str:
    """What is published of it."""
    return digest(text)[:DIGITS]
