"""Forecasts of a study: every curve over scale, fitted on its smaller models and held against its largest ones."""

import numpy as np
import polars as pl

from analysis.jumps.curve import CurveError, curve_over_scale
from analysis.jumps.curves import Axis, curves
from analysis.jumps.forecast import FEWEST, forecast
from analysis.jumps.schema import FORECASTS, KEY
from analysis.schema import checked

LEFT_OUT = 4  # a fourth of the positions, at least one, is forecast


def forecasts(results: pl.DataFrame, *, axis: Axis, draws: int, rng: np.random.Generator) -> pl.DataFrame:
    """The table FORECASTS: a row for every position beyond each curve's horizon. `results` is the table RESULTS; which
    curves there are: see `curves`. A curve of fewer than 7 positions has none.
    """
    frames = [FORECASTS.empty()]
    groups = curves(results, axis=axis).partition_by(KEY, maintain_order=True)
    for rows, source in zip(groups, rng.spawn(len(groups)), strict=True):
        known = np.unique(rows["x"].to_numpy())
        if len(known) <= FEWEST:
            continue
        horizon = known[-1 - max(1, min(len(known) // LEFT_OUT, len(known) - FEWEST))]
        errors = rows["standard_error"].fill_null(np.nan).to_numpy()
        try:
            curve = curve_over_scale(rows["x"].to_numpy(), rows["value"].to_numpy(), errors)
            found = forecast(curve, float(horizon), draws=draws, rng=source)
        except CurveError:
            continue
        columns = {name: getattr(found, name) for name in ("x", "predicted", "low", "high", "observed", "surprise")}
        about = {name: pl.lit(rows[name][0]) for name in KEY}
        frame = pl.DataFrame(columns).with_columns(
            **about, axis=pl.lit(axis), horizon=pl.lit(horizon), p=pl.lit(found.p)
        )
        frames.append(frame.select(*FORECASTS.columns))
    return checked(pl.concat(frames), FORECASTS)
