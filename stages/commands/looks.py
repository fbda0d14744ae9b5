"""The looks that `audit.looks` plans, and what `diffprog decide` would make for each."""

from typing import Any

import polars as pl

from stages.deciding import choice, records
from stages.deciding.choice import Counts
from stages.study.model import Study

ONE_BY_ONE = "a look has some seeds of a cohort, and others later; accepted with `diffprog decide`: none, or 1"


def several(study: Study) -> bool:
    """Whether a study is judged more than once."""
    return len(study.audit.options["looks"]) > 1


def undecidable(study: Study) -> list[str]:
    """Why `diffprog decide` can't make a study in parts, a line for each task that is in its way."""
    return [f"params.yaml: {task.name}.cohort: {ONE_BY_ONE}" for task in study.tasks if task.cohort > 1]


def shares(study: Study) -> str:
    """At which shares of q a study is judged, in words."""
    *before, last = (f"{share:g}" for share in study.audit.options["looks"])
    q = study.audit.options["q"]
    if not several(study):
        return f"looks    one, at the end, at all of q = {q:g}: `audit.looks` can plan several, for `diffprog decide`"
    return f"looks    {len(before) + 1}, at {', '.join(before)} and {last} of q = {q:g}"


def looks(study: Study, planned: pl.DataFrame) -> list[dict[str, Any]]:
    """Of each look its number, share of q, and how many runs it is at, at the most: those of methods that are decided
    before are not made. `planned` is the table PLANNED_RUNS.
    """
    taken: Counts = {}
    found = []
    for number, share in enumerate(study.audit.options["looks"], 1):
        taken = choice.next_part(study, planned, taken, choice.real(study), number)
        found.append({"look": number, "share": share, "runs": records.runs_of(planned, taken)})
    return found


def line(study: Study, planned: pl.DataFrame) -> str:
    """The looks and what `diffprog decide` would make."""
    if not several(study) or not any(choice.real(study).values()):
        return shares(study)
    *before, last = (str(each["runs"]) for each in looks(study, planned))
    return f"{shares(study)}: `diffprog decide` judges at {', '.join(before)} and at most {last} runs"
