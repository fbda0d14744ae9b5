"""The audit of a study: a verdict per method and safety measurement, and everything it rests on."""

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.random import Generator

from analysis.audit.claims import claims
from analysis.audit.estimation import estimated
from analysis.audit.grid import Grid, grids
from analysis.audit.looks import Look
from analysis.audit.margins import margin_frame
from analysis.audit.restatement import restatements
from analysis.audit.settings import AuditSettings
from analysis.audit.survivors import survivor_gates
from analysis.schema import CLAIM


@dataclass(frozen=True)
class Audit:
    """The audit's tables.

    verdicts: one row per method and safety measurement; at equal epochs, a gain at the match where it is less sure.
    effects: T, E and D of every measurement, capability too, at every match. curves: the ladders, for plotting.
    restatements: what each measurement restates. pillars: D over a pillar. gates and margins: as named.
    """

    verdicts: pl.DataFrame
    effects: pl.DataFrame
    curves: pl.DataFrame
    restatements: pl.DataFrame
    pillars: pl.DataFrame
    gates: pl.DataFrame
    margins: pl.DataFrame


def audit(
    results: pl.DataFrame,
    scores: pl.DataFrame,
    *,
    primary: list[str],
    settings: AuditSettings,
    rng: Generator,
    look: Look | None = None,
    planned: pl.DataFrame | None = None,
) -> Audit:
    """The audit of `results` (the results table) with one capability score per run (domain, dataset, method, model,
    family, seed, step, score).

    primary: the measurements the claims are made on, one family of claims; all others form a second, exploratory one.
    look: which of the study's looks it is; None: the only one. The labels without flagged runs are always at the whole
    levels: they are no claims.
    planned: every run that was planned, by method, so that lost runs are counted (`survivors`).
    Raises ValueError where a primary measurement is not a safety measurement of the results, the baseline is missing,
    or the scores are not one a run.
    """
    _check_primary(results, primary)
    parts = grids(results, scores, settings)
    margins = [margin_frame(grid, settings) for grid in parts]
    found = [estimated(grid, margin, settings, rng) for grid, margin in zip(parts, margins, strict=True)]
    survived = [] if planned is None else [survivor_gates(grid, planned, settings) for grid in parts]
    gates = pl.concat([*(each.gates for each in found), *survived])
    verdicts, pillars = claims(found, gates, primary, settings, look)
    verdicts = verdicts.join(_without_flagged(parts, margins, survived, primary, settings, rng), on=CLAIM, how="left")
    curves = [each.curves for each in found if len(each.curves)]
    return Audit(
        verdicts=verdicts.sort(CLAIM),
        effects=pl.concat([each.rows for each in found], how="diagonal_relaxed").drop("draw").sort([*CLAIM, "match"]),
        curves=pl.concat(curves) if curves else pl.DataFrame(),
        restatements=pl.concat([restatements(grid, settings, rng) for grid in parts]),
        pillars=pillars,
        gates=gates.sort([*CLAIM, "gate"]),
        margins=pl.concat(margins),
    )


def _check_primary(results: pl.DataFrame, primary: list[str]) -> None:
    known = sorted(results.filter(pl.col("axis") == "safety")["measurement"].unique())
    unknown = [name for name in primary if name not in known]
    if unknown:
        raise ValueError(f"primary: {', '.join(unknown)} not among the safety measurements: {', '.join(known)}")


def _without_flagged(
    parts: list[Grid],
    margins: list[pl.DataFrame],
    survived: list[pl.DataFrame],
    primary: list[str],
    settings: AuditSettings,
    rng: Generator,
) -> pl.DataFrame:
    """Claims that rest on flagged runs: how many, and the label, T and D without them, at the same margins."""
    columns = dict.fromkeys(CLAIM, pl.String) | {"flagged_runs": pl.Int64}
    counts = pl.concat([pl.DataFrame(_flagged(grid), schema=columns, orient="row") for grid in parts])
    again = ["label_without_flagged", "total_without_flagged", "beyond_without_flagged"]
    if not len(counts):
        empty = [
            pl.lit(None, dtype=dtype).alias(name)
            for name, dtype in zip(again, (pl.String, pl.Float64, pl.Float64), strict=True)
        ]
        return counts.with_columns(empty)
    found = [
        estimated(grid.without_flagged(), margin, settings, rng) for grid, margin in zip(parts, margins, strict=True)
    ]
    verdicts, _ = claims(found, pl.concat([*(each.gates for each in found), *survived]), primary, settings)
    renamed = verdicts.select(
        *CLAIM, pl.col("label").alias(again[0]), pl.col("total").alias(again[1]), pl.col("beyond").alias(again[2])
    )
    return counts.join(renamed, on=CLAIM, how="left")


def _flagged(grid: Grid) -> list[tuple[str, str, str, str, int]]:
    runs = grid.flagged.sum(axis=(1, 2))
    rows = []
    for method in range(1, len(grid.methods)):
        for column in np.flatnonzero(runs[method] + runs[0]):
            count = int(runs[method, column] + runs[0, column])
            rows.append(
                (grid.domain, grid.dataset, grid.methods[method], grid.measurements["measurement"][int(column)], count)
            )
    return rows
