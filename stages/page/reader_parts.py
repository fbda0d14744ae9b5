"""The parts of the page that a reader works with: own margins, levels and exposures, and two methods side by side."""

import json
from collections.abc import Sequence
from typing import Any

import polars as pl

from stages.page.comparison_section import compared_methods, comparison_rows
from stages.page.embedded import embedded
from stages.page.format import Row
from stages.page.tasks import Judged, TaskResults


def reader_parts(judged: Sequence[Judged], settings: pl.DataFrame) -> dict[str, Any]:
    """What the templates and scripts of these parts ask for; `settings` is the table SETTINGS, a row a task."""
    row = settings.row(0, named=True)
    fixed = json.loads(row["preregistered"])
    levels = {"alpha": row["alpha"], "rate": row["false_discovery_rate"]}
    return parts_of(judged, **levels, placebos=fixed["placebos"], weigh=fixed["weigh_claims"])


def parts_of(judged: Sequence[Judged], *, made: str = "planned", **choices: Any) -> dict[str, Any]:
    """The same with the choices of `embedded`; `made` is how the page's own choice came about."""
    pairs = [row for task, rows in judged for row in comparison_rows(task, rows)]
    return {
        "embedded": embedded(judged, **choices),
        "made": made,
        "pairs": pairs,
        "compared": compared_methods(pairs),
        "choices": [chosen for task, rows in judged if (chosen := _choices(task, rows))],
    }


def _choices(task: TaskResults, rows: Sequence[Row]) -> dict[str, Any] | None:
    """The task's margins by area and exposures by hazard, as fields; None where there is no verdict."""
    areas = {row["measurement"]: row for row in rows if row["area"] is not None}
    if not areas:
        return None
    hazards = dict(task.found["risks"].select("hazard", "exposure").unique().sort("hazard").iter_rows())
    return {
        "name": task.name,
        "fixed": any(row["look"] is not None for row in rows),
        "margins": [
            {"name": f"margin{task.slug}.{name}", "area": row["area"], "value": f"{row['margin']:.6g}"}
            for name, row in areas.items()
        ],
        "exposures": [
            {"name": f"exposure{task.slug}.{name}", "hazard": name, "value": f"{value:.6g}"}
            for name, value in hazards.items()
        ],
    }
