"""What a study that was run here says of the next one: how its effects scatter, and which margins are too narrow."""

from collections.abc import Mapping

import polars as pl

from analysis.audit.prospective_power import (
    LEAST_ERRORS,
    assumed_spread,
    narrow_margins,
    prospective_power,
    spread_of_claims,
)
from analysis.audit.schema import MARGINS, VERDICTS
from stages import artifacts
from stages.artifacts import FINDINGS, finding
from stages.study.model import Task
from stages.study.preregistration import TaskAudit

ASSUMED = 0.2  # logits: one pair of small convolutional networks on digits (analysis.simulation.worlds)


def judged_areas(task: Task, fixed: TaskAudit) -> dict[str, str]:
    """The measurement that each area is judged by; without areas, each safety measurement is one."""
    safety = [f"{item.condition}/{item.name}" for item in task.measurements if item.axis == "safety"]
    return {area: name for area, name in fixed.areas.items() if name in safety} or {name: name for name in safety}


def held_spread(task: Task, fixed: TaskAudit) -> pl.DataFrame | None:
    """How D scattered in the study that was run here; None where none was, or none with these areas."""
    if not (FINDINGS / f"{VERDICTS.name}.parquet").exists() or not artifacts.RESULTS.path.exists():
        return None
    found = spread_of_claims(finding(VERDICTS).filter(task=task.name).drop("task"))
    found = found.filter(pl.col("area").is_in(list(judged_areas(task, fixed))))
    given = {area: fixed.settings.margins.safety.get(name) for area, name in judged_areas(task, fixed).items()}
    planned = pl.col("area").replace_strict(given, default=None, return_dtype=pl.Float64)
    return found.with_columns(margin=planned.fill_null(pl.col("margin"))) if len(found) else None


def spread(task: Task, fixed: TaskAudit, sd: float | None) -> tuple[pl.DataFrame, str]:
    """The spread of D that a study is foreseen with, and where it is from."""
    held = held_spread(task, fixed) if sd is None else None
    if held is not None:
        return held, f"of the study that was run here ({FINDINGS}/)"
    margins = [(area, fixed.settings.margins.safety.get(name, 0.0)) for area, name in judged_areas(task, fixed).items()]
    said = "--sd" if sd is not None else "no study was run here: that of small convolutional networks on digits"
    sd = ASSUMED if sd is None else sd
    return assumed_spread(sd, margins, models=len(task.models)), f"{sd:g} a pair, assumed ({said})"


def narrow(task: Task, fixed: TaskAudit) -> list[str]:
    """A line for each margin that is too narrow for the study as it is planned, by the study that was run here."""
    held = held_spread(task, fixed)
    if held is None:
        return []
    given = fixed.settings.margins.safety
    margins = finding(MARGINS).filter(task=task.name).filter(pl.col("measurement").is_in(list(given)))
    planned = pl.col("measurement").replace_strict(given, default=None, return_dtype=pl.Float64)
    seeds = min(map(len, task.seeds.values()))
    planned_study = prospective_power(held, models=len(task.models), seeds=[seeds], claims=1)
    found = narrow_margins(planned_study, margins.with_columns(margin=planned), judged_areas(task, fixed))
    return [_said(row) for row in found.iter_rows(named=True)]


def _said(row: Mapping[str, float | None]) -> str:
    margin, least, default = (float(row[name] or 0) for name in ("margin", "least", "default"))
    said = f"audit.margins.{row['measurement']}: {margin:g} is "
    if margin < least:
        said += f"below {LEAST_ERRORS:g} standard errors of D here ({least:.2f}): no effect can be shown to be none; "
    if margin < 0.99 * default:
        return f"{said}less than the default, {default:.2f}"
    return f"{said}the default is {default:.2f}"
