"""The curves of a study: values of its standard runs along a declared axis."""

from typing import Literal, get_args

import numpy as np
import polars as pl

from analysis.jumps.schema import KEY

Axis = Literal["log2_parameters", "log2_flops", "step"]
POOLED = "pooled"


def curves(results: pl.DataFrame, *, axis: Axis, warmup: int = 1) -> pl.DataFrame:
    """Every value on a curve: domain, dataset, family, model, measurement, metric, condition, seed, x, value,
    standard_error, sorted by curve, x and seed.

    `results` is the table RESULTS; standard runs and part "all" are used. Over scale x is log2 of the parameters or
    of the training FLOPs, a run is there with its last step, and there is one curve per family and one `pooled` over
    two families or more, with an empty model. Over steps x is log2 of the step, from `warmup` (at least 1) on, one
    curve per model, at the steps that all its seeds share. Raises ValueError for another axis or warm-up.
    """
    if axis not in get_args(Axis):
        raise ValueError(f"axis {axis!r} is not one of: {', '.join(get_args(Axis))}")
    if warmup < 1:
        raise ValueError(f"warmup is {warmup}, but log2 needs steps from 1 on")
    standard = results.filter(pl.col("method") == "standard", pl.col("part") == "all")
    found = _over_steps(standard, warmup) if axis == "step" else _over_scale(standard, axis.removeprefix("log2_"))
    columns = (*KEY, "metric", "condition", "seed", "x", "value", "standard_error")
    return found.select(columns).sort(*KEY, "x", "seed", "value")


def _over_scale(standard: pl.DataFrame, size: str) -> pl.DataFrame:
    place = ["domain", "dataset", "measurement"]
    last = pl.col("step").max().over("domain", "dataset", "model", "seed", "measurement")
    runs = standard.filter(pl.col("step") == last, pl.col(size) > 0).with_columns(
        x=pl.col(size).cast(pl.Float64).log(2), model=pl.lit("")
    )
    several = runs.filter(pl.col("family").n_unique().over(place) > 1)
    return pl.concat([runs, several.with_columns(family=pl.lit(POOLED))])


def _over_steps(standard: pl.DataFrame, warmup: int) -> pl.DataFrame:
    curve = list(KEY)
    late = standard.filter(pl.col("step") >= warmup)
    shared = pl.col("seed").n_unique().over([*curve, "step"]) == pl.col("seed").n_unique().over(curve)
    return late.filter(shared).with_columns(x=pl.col("step").cast(pl.Float64).log(2))


def matrix(rows: pl.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """One model's training curves: x (points,) and values (seeds, points), seeds in order."""
    wide = rows.pivot(on="seed", index="x", values="value").sort("x")
    return wide["x"].to_numpy(), wide.drop("x").to_numpy().T
