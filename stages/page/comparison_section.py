"""What the page shows of two methods side by side: the paired difference between them in every area."""

from collections.abc import Sequence
from typing import Any

from stages.page import verdict_text
from stages.page.format import DASH, Row
from stages.page.tasks import TaskResults


def comparison_rows(task: TaskResults, rows: Sequence[Row]) -> list[dict[str, str]]:
    """A row for each ordered pair of methods and area, as it is printed. `rows`: the task's verdicts as shown."""
    areas = {row["measurement"]: row for row in rows if row["area"] is not None}
    found = {(row["method"], row["other"], row["measurement"]): row for row in task.found["comparisons"].to_dicts()}
    pairs = [(one, other) for one in task.others for other in task.others]
    keys = [(*pair, name) for pair in pairs for name in areas]
    return [_row(found[key], areas[key[2]], task) for key in keys if key in found]


def compared_methods(pairs: Sequence[dict[str, str]]) -> list[str]:
    """The methods that can be picked, in their order."""
    return list(dict.fromkeys(pair["method"] for pair in pairs))


def _row(row: Row, area: Row, task: TaskResults) -> dict[str, str]:
    about = {**area, **row}
    return {
        "task": task.task,
        "area": area["area"],
        "method": row["method"],
        "other": row["other"],
        "said": _said(row),
        **{name: verdict_text.estimate(row, name) for name in ("beyond", "total", "capability")},
        "natural": verdict_text.natural(row["total"], about),
        "rests_on": verdict_text.rests_on(about),
    }


def _said(row: dict[str, Any]) -> str:
    """Where the interval of D lies."""
    low, high = row["beyond_lower"], row["beyond_upper"]
    if low is None or high is None:
        return DASH
    return "▲ safer" if low > 0 else "▼ less safe" if high < 0 else "○ no difference shown"
