"""The estimates of a study without some of its runs, by the audit's own functions and without a draw."""

from dataclasses import replace

import numpy as np
import polars as pl

from analysis.audit.decision import LEAST_DF, columns_of, tested
from analysis.audit.degrees import with_pooled_df
from analysis.audit.estimands import estimates
from analysis.audit.estimation import patterns
from analysis.audit.grid import Bools, Grid
from analysis.audit.ladder import ladders
from analysis.audit.settings import AuditSettings
from analysis.audit.units import paired_units
from analysis.scales import Floats

BY_RUN = ("value", "y", "error", "flagged", "blocked", "capability", "flops", "deviations")


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
    for name in BY_RUN:
        whole = getattr(grid, name)
        cut[name] = whole if whole is None else whole[:, kept] if seeds.all() else whole[:, kept][:, :, seeds]
    return replace(grid, models=[grid.models[k] for k in kept], **cut)


Columns = dict[str, np.ndarray]


def estimated_without(grid: Grid, margins: Floats, capability_margin: float, settings: AuditSettings) -> list[Columns]:
    """The columns of what is `described`, with method and measurement, of each method whose units are models.

    margins: [measurement]. They and the capability score are those of the whole study.
    """
    found = []
    for usable, columns in patterns(grid):
        if not usable[0].any():
            continue
        both = ladders(grid, usable[0], columns, settings)
        names = grid.measurements["measurement"][columns].to_numpy()
        for method in range(1, len(grid.methods)):
            units = paired_units(grid, method, usable, columns, settings)
            if units.kind != "model":
                continue
            about = {"method": np.full(len(names), grid.methods[method]), "measurement": names}
            of = estimates(grid, units, both, None, None, settings, None)
            found += [about | columns_of(each, margins[columns], capability_margin) for each in of]
    return found


def tested_without(found: dict[int, list[Columns]], settings: AuditSettings) -> pl.DataFrame:
    """The rows of several removals, by number, with degrees of freedom pooled within each, intervals and p-values."""
    parts = [(number, each) for number, of in found.items() for each in of]
    if not parts:
        return pl.DataFrame()
    columns = {name: np.concatenate([each[name] for _, each in parts]) for name in parts[0][1]}
    removal = np.repeat([number for number, _ in parts], [len(each["method"]) for _, each in parts])
    rows = pl.DataFrame(columns | {"removal": removal}).with_columns(pl.col(pl.Float64).fill_nan(None))
    return tested(with_pooled_df(rows, ("removal", "measurement")), settings, LEAST_DF)
