"""The section "Margins" of the report: each with its default, and with the least that the study could decide."""

from typing import Any

import polars as pl

from analysis.audit.margins import margins_digest
from analysis.audit.prospective_power import LEAST_ERRORS
from stages.page.tasks import TaskResults

SOURCES = {
    "doubling": "half of a doubling of compute",
    "seeds": "twice the standard error of ten seeds",
    "floor": "the least there can be",
}


def margins_section(task: TaskResults) -> dict[str, Any]:
    """The margins of a task, and the names of those below 2.5 standard errors of D, median over methods."""
    margins = task.found["margins"]
    real = task.found["verdicts"].filter(~pl.col("placebo"))
    least = real.group_by("measurement").agg(least=LEAST_ERRORS * pl.col("beyond_se").median())
    rows = margins.join(least, on="measurement", how="left", maintain_order="left").to_dicts()
    for row in rows:
        row |= {"name": task.label(row["measurement"]), "narrow": (row["least"] or 0.0) > row["margin"]}
    given = int((margins["source"] == "given").sum())
    narrow = sum(row["narrow"] for row in rows)
    return {"digest": margins_digest(margins), "given": given, "rows": rows, "narrow": narrow}
