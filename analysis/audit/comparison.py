"""Two methods held against each other: T, E and D of one with the other for a baseline, over runs paired by model and
seed. The ladder is the standard models', as it is for verdicts; runs are compared as they were trained.
"""

from dataclasses import replace
from itertools import permutations
from typing import Any

import numpy as np
import polars as pl

from analysis.audit.decision import LEAST_DF, columns_of, tested
from analysis.audit.degrees import with_pooled_df
from analysis.audit.estimands import estimates
from analysis.audit.estimation import patterns
from analysis.audit.grid import Bools, Grid, Ints, grids
from analysis.audit.ladder import Ladders, ladders
from analysis.audit.removals import BY_RUN, Columns, of_measurements
from analysis.audit.schema import COMPARISONS, conformed
from analysis.audit.settings import AuditSettings
from analysis.audit.units import paired_units
from analysis.audit.weights import stratified_weights

SEED = 0  # of the bootstrap where pairs are the units


def comparisons(
    results: pl.DataFrame, scores: pl.DataFrame, verdicts: pl.DataFrame, margins: pl.DataFrame, settings: AuditSettings
) -> pl.DataFrame:
    """The table COMPARISONS: every method against every other on each measurement of the primary tier. verdicts and
    margins: of the audit of `results` and `scores`. The same input gives the same table.
    """
    primary = verdicts.filter(pl.col("tier") == "primary")
    frames = []
    for grid in grids(results, scores, settings) if len(primary) else []:
        place = {"domain": grid.domain, "dataset": grid.dataset}
        part = of_measurements(grid, primary.filter(**place)["measurement"].unique().to_list())
        if len(part.measurements):
            bounds = dict(margins.filter(**place).select("measurement", "margin").iter_rows())
            rows = _compared(part, bounds, settings)
            frames.append(rows.with_columns(pl.lit(value).alias(name) for name, value in place.items()))
    frames = [frame for frame in frames if len(frame)]
    return conformed(pl.concat(frames), COMPARISONS).sort(COMPARISONS.key) if frames else COMPARISONS.empty()


def _compared(grid: Grid, bounds: dict[str, float], settings: AuditSettings) -> pl.DataFrame:
    found: list[Columns] = []
    for usable, columns in patterns(grid):
        both = replace(ladders(grid, usable[0], columns, settings), compute=None, compute_refits=None)
        for pair in permutations(range(1, len(grid.methods)), 2):
            found += _pair(grid, pair, usable, columns, both, bounds, settings)
    if not found:
        return pl.DataFrame()
    frame = pl.DataFrame({name: np.concatenate([each[name] for each in found]) for name in found[0]})
    frame = frame.with_columns(pl.col(pl.Float64).fill_nan(None))
    return tested(with_pooled_df(frame, ("measurement",)), settings, LEAST_DF)


def _pair(
    grid: Grid,
    pair: tuple[int, int],
    usable: Bools,
    columns: Ints,
    both: Ladders,
    bounds: dict[str, float],
    settings: AuditSettings,
) -> list[Columns]:
    """The first method's rows, the second its baseline."""
    method, other = pair
    held = _of_methods(grid, [other, method])
    units = paired_units(held, 1, usable[[other, method]], columns, settings)
    names = sorted(grid.methods[number] for number in pair)  # both ways round, and whatever others there are
    weights, rng = None, np.random.default_rng([SEED, *"/".join(names).encode()])
    if units.kind == "pair":
        weights, _ = stratified_weights(grid.families, settings.draws, rng)
    measurements = grid.measurements["measurement"][columns].to_numpy()
    about = {"method": grid.methods[method], "other": grid.methods[other]}
    margins = np.array([bounds[name] for name in measurements])
    return [
        {name: np.full(len(measurements), value) for name, value in about.items()}
        | {"measurement": measurements}
        | columns_of(each, margins, bounds["capability"])
        for each in estimates(held, units, both, weights, None, settings, rng)
    ]


def _of_methods(grid: Grid, methods: list[int]) -> Grid:
    """The grid of these methods alone, the first in the baseline's place."""
    by_run = {name: getattr(grid, name) for name in BY_RUN}
    cut: dict[str, Any] = {name: whole if whole is None else whole[methods] for name, whole in by_run.items()}
    return replace(grid, methods=[grid.methods[k] for k in methods], **cut)
