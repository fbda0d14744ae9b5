"""Every method's estimates on every measurement of one data set, with the ladders and gates they rest on."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.random import Generator

from analysis.audit.decision import LEAST_DF, described, tested
from analysis.audit.degrees import with_pooled_df
from analysis.audit.estimands import Estimate, estimates
from analysis.audit.gates import gate_frame
from analysis.audit.grid import Bools, Grid, Ints
from analysis.audit.ladder import curve_frame, ladders
from analysis.audit.settings import AuditSettings
from analysis.audit.units import paired_units
from analysis.audit.weights import stratified_weights
from analysis.scales import Floats

OF_BEYOND = ("total_covered", "p_differential", "p_above", "p_below", "p_lost", "p_washing", "p_null")


@dataclass(frozen=True)
class Estimated:
    """One data set's estimates: a row per method, measurement and match; `draw` is the row's column in `draws`."""

    rows: pl.DataFrame
    draws: Floats  # [draw, row], D standardised and centred
    gates: pl.DataFrame
    curves: pl.DataFrame


def estimated(grid: Grid, margins: pl.DataFrame, settings: AuditSettings, rng: Generator) -> Estimated:
    """All estimates of a grid. margins: its rows of the margins' frame."""
    given = dict(margins.select("measurement", "margin").iter_rows())
    bound = np.array([given.get(name, np.nan) for name in grid.measurements["measurement"]])
    weights, _ = stratified_weights(grid.families, settings.draws, rng)
    normal = rng.standard_normal((settings.draws, len(grid.models)))
    entropy = int(rng.integers(2**63))
    nothing = np.array([], dtype=np.int64)
    rows = [_named(_told(None, np.array([]), 0.0, settings)[0], grid, 0, nothing)]
    draws, found, curves = [np.zeros((settings.draws, 0))], [], []
    for usable, columns in patterns(grid):
        both = ladders(grid, usable[0], columns, settings)
        ladder = both.capability
        if ladder is not None:
            curves.append(curve_frame(ladder, grid, columns, weights[:, ladder.rungs]))
        for method in range(1, len(grid.methods)):
            units = paired_units(grid, method, usable, columns, settings)
            own = np.random.default_rng([entropy, *grid.methods[method].encode()])  # whatever other methods there are
            matches = estimates(grid, units, both, weights, normal, settings, own)
            found += [(method, int(column), matches, ladder) for column in columns]
            for each in matches if matches else (None,):
                table, drawn = _told(each, bound[columns], given["capability"], settings)
                rows.append(_named(table, grid, method, columns))
                draws.append(drawn)
    frame = pl.concat(rows, how="diagonal_relaxed").with_row_index("draw")
    frame = tested(with_pooled_df(frame), settings, LEAST_DF)
    epochs = frame.filter(pl.col("match") == "epochs").select("method", "measurement", "beyond_df")
    beyond_df = {(method, name): float(df) for method, name, df in epochs.iter_rows()}
    # a capability measurement is a part of the score: nothing of it is beyond what the score explains
    part = [name for name in frame.columns if name.startswith("beyond") or name in OF_BEYOND]
    frame = frame.with_columns(pl.when(pl.col("axis") == "safety").then(pl.col(part)))
    curve = pl.concat(curves) if curves else pl.DataFrame()
    return Estimated(frame, np.concatenate(draws, axis=1), gate_frame(grid, found, beyond_df, settings), curve)


def patterns(grid: Grid) -> Iterator[tuple[Bools, Ints]]:
    """Measurements with the same runs together: (usable [method, model, seed], measurement indices)."""
    usable = np.isfinite(grid.y) & np.isfinite(grid.capability)[..., None]
    flat = usable.reshape(-1, usable.shape[-1]).T
    _, pattern = np.unique(flat, axis=0, return_inverse=True)
    for each in range(pattern.max() + 1):
        columns = np.flatnonzero(pattern.ravel() == each)
        yield usable[..., columns[0]], columns


def _named(table: pl.DataFrame, grid: Grid, method: int, columns: Ints) -> pl.DataFrame:
    about = grid.measurements.select("measurement", "metric", "condition", "axis", "pillar")[columns]
    names = [
        pl.lit(grid.domain).alias("domain"),
        pl.lit(grid.dataset).alias("dataset"),
        pl.lit(grid.methods[method]).alias("method"),
    ]
    return pl.concat([about.select(*names, pl.all()), table], how="horizontal")


def _told(
    each: Estimate | None, margins: Floats, capability_margin: float, settings: AuditSettings
) -> tuple[pl.DataFrame, Floats]:
    """Rows of an estimate and D's standardised draws; where there is no estimate the margins alone, and zeros."""
    if each is not None:
        return described(each, margins, capability_margin), each.draws
    counts = dict.fromkeys(("units", "pairs", "df", "beyond_units_df", "models", "in_range"), 0)
    table = pl.DataFrame({"margin": margins}).with_columns(pl.lit(capability_margin).alias("capability_margin"))
    table = table.with_columns(pl.lit("epochs").alias("match"), pl.lit("pair").alias("unit"))
    table = table.with_columns(pl.lit(value).alias(name) for name, value in counts.items())
    unknown = [name + end for name in ("total", "capability", "beyond") for end in ("", "_se", "_known")]
    table = table.with_columns(pl.lit(None, dtype=pl.Float64).alias(name) for name in unknown)
    return table.with_columns(pl.col(pl.Float64).fill_nan(None)), np.zeros((settings.draws, len(margins)))
