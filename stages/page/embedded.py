"""What the page's scripts read beside the charts: the estimates behind every verdict, from which a reader's own margins
and levels make other labels, and what each verdict rests on.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from stages.page import verdict_text
from stages.page.format import Row
from stages.page.tasks import Judged, TaskResults
from stages.page.verdicts import STAR, VERDICTS, style_name

EFFECTS = ("total", "capability", "beyond")


def embedded(
    judged: Sequence[Judged],
    *,
    alpha: float,
    rate: float,
    placebos: Sequence[str],
    weigh: bool,
) -> dict[str, Any]:
    """All that the scripts read. The claims are in the order of the rows."""
    shown = [{"name": name, "mark": each.mark, "style": style_name(name)} for name, each in VERDICTS.items()]
    return {
        "settings": {"alpha": alpha, "rate": rate, "placebos": sorted(placebos), "weigh": weigh},
        "labels": shown,
        "star": STAR,
        "tasks": {task.slug: task_claims(task, rows) for task, rows in judged},
    }


def task_claims(task: TaskResults, rows: Sequence[Row]) -> dict[str, Any]:
    """A task's name, whether its labels can be made again, and its claims. Those of a study that is judged while it
    grows can't: they rest on what earlier looks found.
    """
    estimates: dict[tuple[str, str], dict[str, Any]] = {}
    for row in task.found["estimates"].filter(axis="safety").to_dicts():
        estimates.setdefault((row["method"], row["measurement"]), {})[row["match"]] = _estimate(row)
    return {
        "name": task.name,
        "fixed": any(row["look"] is not None for row in rows),
        "claims": [_claim(row, estimates.get((row["method"], row["measurement"]), {})) for row in rows],
    }


def _claim(row: Row, matches: Mapping[str, Any]) -> dict[str, Any]:
    facts = {name: row[name] for name in ("method", "measurement", "area", "tier", "claimed", "margin", "label")}
    return facts | {
        "starred": bool(row["starred"]),
        "blocked": row["label"] == "BLOCKED",
        "capability_margin": row["capability_margin"],
        "hover": verdict_text.hover(row),
        "matches": matches,
    }


def _estimate(row: Row) -> dict[str, Any]:
    """T, E and D as [estimate, standard error, degrees of freedom]; D's lower one-sided end; D as it is printed."""
    numbers = {name: [row[name], row[f"{name}_se"], row[f"{name}_df"]] for name in EFFECTS}
    return numbers | {"least": row["beyond_least"], "said": verdict_text.estimate(row, "beyond")}
