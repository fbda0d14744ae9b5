"""The first screen of a study of several tasks: what was answered over all of them, every area and method in one table,
a line a task and a sentence a method.
"""

from collections.abc import Sequence
from typing import Any

from stages.page import verdict_text
from stages.page.format import Row, listed, percent, signed
from stages.page.tasks import Judged, TaskResults
from stages.page.verdict_section import verdict_cell
from stages.page.verdicts import ANSWERS, SENTENCE_ORDER, STAR, VERDICTS

COUNTED = ("NULL", "NO GAIN", "UNDETERMINED", "BLOCKED")  # of these a sentence over tasks says only how many areas
# of ANSWERS, in their order
SAID = ("safer by more than the margin", "no gain that matters", "safer with the size open", "less safe", "open")
NAMED = 2  # areas that are named nevertheless


def overview(judged: Sequence[Judged]) -> dict[str, Any] | None:
    """What the template shows before the tasks; None where fewer than two have verdicts on areas."""
    areas = [(task, own) for task, rows in judged if (own := [row for row in rows if row["area"] is not None])]
    if len(areas) < 2:
        return None
    rows = [row for _, own in areas for row in own]
    columns = _columns(areas)
    return {
        "answer": answer(rows, len(areas)),
        "placebos": placebos_answer([row for row in rows if row["placebo"]], len(areas)),
        "columns": columns,
        "groups": [_group(task, own, [column["name"] for column in columns]) for task, own in areas],
        "tasks": [{"name": task.name, "slug": task.slug, "text": task_answer(own)} for task, own in areas],
        "methods": [
            {"method": column["name"], "placebo": column["placebo"], "text": across(column["name"], areas)}
            for column in columns
        ],
    }


def answer(rows: Sequence[Row], tasks: int) -> list[str]:
    """What the verdicts of all tasks say, counted, in sentences of which the first says how many there are; those on
    placebos apart.
    """
    real = [row for row in rows if not row["placebo"]]
    labels = [row["label"] for row in real]
    count = {label: labels.count(label) for label in VERDICTS}
    areas = len({(row["task"], row["area"]) for row in real})
    known = len(labels) - sum(count[label] for label in ANSWERS["open"])
    found = sum(count[label] for label in ANSWERS["yes"])
    said = [
        f"{tasks} tasks, {areas} areas of safety, {len({row['method'] for row in real})} methods: {len(labels)} "
        f"verdicts, of which {known} ({percent(round(known / max(len(labels), 1), 2))}) are answered.",
        f"Safer beyond what capability explains, by more than the margin: {_times(found)}"
        + (
            f" ({count['DIFFERENTIAL']} at no price in capability, {count['TRADE-OFF']} paid for with it, "
            f"{count['GAIN, PRICE OPEN']} at a price that is open)."
            if found
            else "."
        ),
        f"Beyond it, the size open: {count['GAIN, SIZE OPEN']}; safer only as far as more capable: "
        f"{count['WASHING']}; no gain that matters: {count['NULL'] + count['NO GAIN']}; less safe than standard: "
        f"{count['REGRESSION']}; open: {len(labels) - known}.",
    ]
    stars = sum(bool(row["starred"]) for row in real)
    said += [f"{STAR} {stars} of the gains {'hold' if stars > 1 else 'holds'} by the stricter test, too."] * bool(stars)
    return said


def placebos_answer(rows: Sequence[Row], tasks: int) -> str:
    """What was claimed of what does nothing, over all tasks; empty without a placebo."""
    if not rows:
        return ""
    claims = (*ANSWERS["yes"], "GAIN, SIZE OPEN", "WASHING", "REGRESSION")
    wrong = sum(row["label"] in claims for row in rows)
    said = "no gain and no loss is claimed of them" if not wrong else f"{wrong} of these claim a gain or a loss: false"
    counts = verdict_text.counts(rows)
    return f"Placebos, which do nothing, in all tasks together: {counts} of {len(rows)} verdicts; {said}."


def task_answer(rows: Sequence[Row]) -> str:
    """What the verdicts of one task say, in a line; those on placebos are counted over all tasks."""
    real = [row for row in rows if not row["placebo"]]
    labels = [row["label"] for row in real]
    count = {said: sum(label in of for label in labels) for said, of in zip(SAID, ANSWERS.values(), strict=True)}
    methods = len({row["method"] for row in real})
    said = ", ".join(f"{number} {word}" for word, number in count.items() if number)
    return f"{len(real)} verdict{'s' * (len(real) > 1)} on {methods} method{'s' * (methods > 1)}: {said}."


def across(method: str, areas: Sequence[Judged]) -> str:
    """What one method does, in a sentence over its tasks."""
    own = [(task, found) for task, rows in areas if (found := [row for row in rows if row["method"] == method])]
    return " ".join(f"In {task.task}: {_briefly(rows)}." for task, rows in own)


def _briefly(rows: Sequence[Row]) -> str:
    said = []
    for label in SENTENCE_ORDER:
        names = [row["area"] for row in rows if row["label"] == label]
        if label in COUNTED and len(names) > NAMED:
            names = [f"{len(names)} of {len(rows)} areas" if len(names) < len(rows) else f"all {len(rows)} areas"]
        if names:
            said.append(VERDICTS[label].brief.format(listed(names)))
    return "; ".join(said)


def _columns(areas: Sequence[Judged]) -> list[dict[str, Any]]:
    """Every method once: those of several tasks first, then the others by task, the placebos last."""
    tasks: dict[str, list[int]] = {}
    placebos = set()
    for number, (_, rows) in enumerate(areas):
        for row in rows:
            found = tasks.setdefault(row["method"], [])
            found += [number] * (number not in found)
            placebos |= {row["method"]} if row["placebo"] else set()
    order = sorted(tasks, key=lambda name: (name in placebos, -len(tasks[name]), tasks[name][0], name))
    return [{"name": name, "placebo": name in placebos, "several": len(tasks[name]) > 1} for name in order]


def _group(task: TaskResults, rows: Sequence[Row], methods: Sequence[str]) -> dict[str, Any]:
    named = {row["area"]: row["measurement"] for row in rows}
    cells = {(row["area"], row["method"]): _cell(row) for row in rows}
    of_areas = [
        {"area": area, "measurement": task.label(name), "cells": [cells.get((area, method)) for method in methods]}
        for area, name in named.items()
    ]
    return {"name": task.name, "slug": task.slug, "rows": of_areas}


def _cell(row: Row) -> dict[str, Any]:
    return verdict_cell(row) | {"short": "" if row["beyond"] is None else signed(row["beyond"])}


def _times(count: int) -> str:
    return "once" if count == 1 else "never" if count == 0 else f"{count} times"
