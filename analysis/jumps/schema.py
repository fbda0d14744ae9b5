"""The tables of jumps: one row per curve, both fits at every position of it, and what was forecast of the largest."""

import polars as pl

from analysis.schema import Table

KEY = ("domain", "dataset", "family", "model", "measurement")  # of a curve

JUMPS = Table(
    name="jumps",
    columns={
        **dict.fromkeys(KEY, pl.String),
        "axis": pl.String,
        "points": pl.Int64,
        "noise": pl.String,  # what is assumed of it
        "label": pl.String,
        "confirmed": pl.Boolean,  # the same jump in another dataset; else a jump is a candidate
        "reason": pl.String,
        "p": pl.Float64,
        "p_adjusted": pl.Float64,  # over curves, Benjamini-Hochberg
        "p_acceleration": pl.Float64,  # adjusted
        "log10_bayes_factor": pl.Float64,  # of jump over smooth
        "change_point": pl.Float64,  # in the unit of the axis
        "change_low": pl.Float64,  # 90 %
        "change_high": pl.Float64,
        "amplitude": pl.Float64,  # in the metric's unit, signed
        "amplitude_low": pl.Float64,
        "amplitude_high": pl.Float64,
        "sharpness": pl.Float64,  # share of the change within a fifth of the range
        "midpoint": pl.Float64,  # of the best logistic of any width
        "width": pl.Float64,  # from 10 to 90 %, of the best logistic of any width, in the unit of the axis
        "power": pl.Float64,  # of seeing the smallest jump of interest
        "smallest": pl.Float64,
        "companion": pl.String,
        "p_pushed_through": pl.Float64,  # that a companion without a jump predicts the curve
        "p_one_group": pl.Float64,  # that the seeds at every position form one group
        "proposed": pl.List(pl.Float64),  # positions to run next inside the bracket
    },
    key=KEY,
    nullable=(
        *("p", "p_adjusted", "p_acceleration", "log10_bayes_factor", "change_point", "change_low", "change_high"),
        *(
            "amplitude",
            "amplitude_low",
            "amplitude_high",
            "sharpness",
            "midpoint",
            "width",
            "power",
            "smallest",
            "companion",
        ),
        *("p_pushed_through", "p_one_group"),
    ),
)

JUMP_FITS = Table(
    name="jump_fits",
    columns={
        **dict.fromkeys(KEY, pl.String),
        "x": pl.Float64,
        "observed": pl.Float64,  # mean over seeds
        "spread": pl.Float64,  # standard deviation over seeds
        "smooth": pl.Float64,
        "jump": pl.Float64,
    },
    key=(*KEY, "x"),
    nullable=("spread",),
)

FORECASTS = Table(
    name="forecasts",
    columns={
        **dict.fromkeys(KEY, pl.String),
        "axis": pl.String,
        "horizon": pl.Float64,  # the largest position that the smooth fit saw
        "x": pl.Float64,
        **dict.fromkeys(("predicted", "low", "high", "observed"), pl.Float64),  # with the 90 % interval of a new mean
        "surprise": pl.Float64,  # observed less predicted, in standard deviations of the prediction
        "p": pl.Float64,  # that the curve's largest surprise is chance
    },
    key=(*KEY, "x"),
)
