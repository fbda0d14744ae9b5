"""The verdict that a person names: a method, and an area or a measurement, of a task."""

from typing import Any

import polars as pl

from analysis.audit.schema import VERDICTS
from analysis.schema import TableError
from stages.artifacts import finding

Row = dict[str, Any]


def of_methods(verdicts: pl.DataFrame, method: str) -> pl.DataFrame:
    """A method's rows of the table VERDICTS. Raises TableError where it has none."""
    found = verdicts.filter(method=method)
    if found.is_empty():
        known = ", ".join(verdicts["method"].unique().sort())
        if not known:
            raise TableError("this study has no verdict of any method; the report (report/index.html) says why")
        raise TableError(f"{method!r} is not one of the methods that were audited: {known}")
    return found


def verdict(method: str, area: str, task: str | None = None) -> Row:
    """The row of the table VERDICTS, with its task. Raises TableError where none or several have these names."""
    rows = finding(VERDICTS)
    tasks = rows["task"].unique().sort().to_list()
    if task is not None and task not in tasks:
        raise TableError(f"{task!r} is not one of the tasks: {', '.join(tasks)}")
    rows = rows if task is None else rows.filter(task=task)
    of_method = of_methods(rows, method)
    found = of_method.filter((pl.col("area") == area) | (pl.col("measurement") == area))
    if found.is_empty():
        areas = ", ".join(of_method["area"].drop_nulls().unique().sort())
        raise TableError(f"{area!r} is not one of the areas of {method}, nor a safety measurement: {areas}")
    if len(found) > 1:
        several = ", ".join(found["task"].unique().sort())
        raise TableError(f"{method} on {area} is a verdict in several tasks: name one of {several}")
    return found.row(0, named=True)
