"""The estimates of a study without some of its runs, by the audit's own functions and without a draw."""

from dataclasses import replace

import numpy as np
import polars as pl

from analysis.audit.decision import described, tested
from analysis.audit.degrees import with_pooled_df
from analysis.audit.estimands import estimates
from analysis.audit.estimation import patterns
from analysis.audit.grid import Bools, Grid
from analysis.audit.ladder import ladders
from analysis.audit.settings import AuditSettings
from analysis.audit.units import paired_units
from analysis.scales import Floats

_BY_RUN = ("value", "y", "error", "flagged", "blocked", "capability", "flops", "deviations")


def of_measurements(grid: Grid, names: list[str]) -> Grid:
    """The grid of these measurements alone, where it has them."""
    keep = np.flatnonzero(grid.measurements["measurement"].is_in(names).to_numpy())
    cut = {name: getattr(grid, name)[..., keep] for name in ("value", "y", "error", "flagged", "blocked")}
    moved = None if grid.deviations is None else grid.deviations[..., [*keep, -1], :]
    return replace(grid, measurements=grid.measurements[keep], deviations=moved, **cut)


def without(grid: Grid, models: Bools, seeds: Bools) -> Grid:
    """The grid without the models and seeds that are False."""
    kept = np.flatnonzero(models)
    cut = {name: getattr(grid, name)[kept] for name in ("families", "scale")}
    for name in _BY_RUN:
        whole = getattr(grid, name)
        cut[name] = whole if whole is None else whole[:, kept] if seeds.all() else whole[:, kept][:, :, seeds]
    return replace(grid, models=[grid.models[k] for k in kept], **cut)


def estimated_without(grid: Grid, margins: Floats, capability_margin: float, settings: AuditSettings) -> pl.DataFrame:
    """A row per method, measurement and match of what models, not pairs, are the units of, as `described`.

    margins: [measurement]. They and the capability score are those of the whole study.
    """
    frames = []
    for usable, columns in patterns(grid):
        if not usable[0].any():
            continue
        both = ladders(grid, usable[0], columns, settings)
        for method in range(1, len(grid.methods)):
            units = paired_units(grid, method, usable, columns, settings)
            if units.kind != "model":
                continue
            for each in estimates(grid, units, both, None, None, settings, None):
                rows = described(each, margins[columns], capability_margin)
                names = grid.measurements["measurement"][columns]
                frames.append(rows.with_columns(pl.lit(grid.methods[method]).alias("method"), names))
    place = (pl.lit(grid.domain).alias("domain"), pl.lit(grid.dataset).alias("dataset"))
    return pl.concat(frames, how="diagonal_relaxed").with_columns(place) if frames else pl.DataFrame()


def tested_without(frames: dict[int, pl.DataFrame], settings: AuditSettings) -> pl.DataFrame:
    """The rows of several removals, by number, with degrees of freedom pooled within each, intervals and p-values."""
    rows = [frame.with_columns(pl.lit(number).alias("removal")) for number, frame in frames.items() if len(frame)]
    if not rows:
        return pl.DataFrame()
    pooled = with_pooled_df(pl.concat(rows, how="diagonal_relaxed"), ("removal", "measurement"))
    return tested(pooled, settings)
