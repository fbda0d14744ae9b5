"""Scales: every measurement where up is safer and equal steps mean about equal things.

A metric declares the ends of its range, its direction, and its target where its best value lies inside the range. The
scale follows from these alone, never from the values of a study, so that one more run changes no scale.
"""

from typing import Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Scale = Literal["logit", "log", "identity"]

SCALES: tuple[Scale, ...] = ("logit", "log", "identity")
FLOOR = 1e-4  # keeps the logarithm of an error of zero finite where no examples are counted
UNKNOWN_N = 10_000.0  # examples behind a proportion whose n is not stored


def scale_of(lower: float, upper: float, higher_is_better: bool) -> Scale:
    """The scale of a metric of this range: `logit` where it is [0, 1] and higher is better (proportions, AUROC), `log`
    where its lower end is 0 and lower is better (errors), `identity` for any other.
    """
    if higher_is_better:
        return "logit" if (lower, upper) == (0, 1) else "identity"
    return "log" if lower == 0 else "identity"


def guessed_range(values: Floats) -> tuple[float, float]:
    """The range of a measurement that declares none, as of an imported table: the narrowest of [0, 1], [0, inf) and
    (-inf, inf) that holds all its values. One more value may change it.
    """
    if values.min() < 0:
        return -np.inf, np.inf
    return 0.0, 1.0 if values.max() <= 1 else np.inf


def like_percents(values: pl.Series) -> bool:
    """Whether a measurement that is taken as it is may be in percents: from 0 to 100, and not from 0 to 1."""
    least, largest = values.min(), values.max()
    return least is not None and bool(least >= 0 and 1.5 < largest <= 100)  # type: ignore[operator]


def distances_from_targets(results: pl.DataFrame) -> pl.DataFrame:
    """The results with the value of each metric that has a target replaced by its distance from the target: an error,
    lower is better, whose range and chance level are those of the distance. Its `deviations`, where there are some,
    have the sign that they have there; the standard error stays, and is somewhat too large near the target.
    """
    target = pl.col("target")
    further = pl.max_horizontal((pl.col("lower") - target).abs(), (pl.col("upper") - target).abs())
    new = {
        "value": (pl.col("value") - target).abs(),
        "chance": (pl.col("chance") - target).abs(),
        "lower": pl.lit(0.0),
        "upper": further,
        "higher_is_better": pl.lit(False),
    }
    if "deviations" in results.columns:
        sign = pl.when(pl.col("value") < target).then(-1.0).otherwise(1.0)
        new["deviations"] = pl.col("deviations") * sign
    turned = {name: pl.when(target.is_null()).then(pl.col(name)).otherwise(new[name]) for name in new}
    return results.with_columns(**turned, target=pl.lit(None, dtype=pl.Float64))


def on_scale(values: Floats, n: Floats, scale: str, higher_is_better: bool) -> Floats:
    """Values on the scale, up is safer. logit: log((k + .5)/(n - k + .5)) with k = n x value. log: -log((k + .5)/(n +
    1)), or -log(value + 1e-4) where n is NaN. identity: the value with its sign.

    `n` is what the values are shares of (`counted`). NaN stays NaN. A logit without n counts as of 10,000 examples. A
    lower-is-better logit or a higher-is-better log keeps its direction.
    """
    sign = 1.0 if higher_is_better else -1.0
    if scale == "logit":
        size = np.where(np.isfinite(n), n, UNKNOWN_N)
        hits = size * np.clip(values, 0.0, 1.0)
        return sign * np.asarray(np.log((hits + 0.5) / (size - hits + 0.5)))
    return sign * np.log(_above_zero(values, n)) if scale == "log" else sign * values


def _above_zero(errors: Floats, n: Floats) -> Floats:
    """Errors with half an example more, of one more, or with 1e-4 more where n is NaN."""
    known = np.isfinite(n)
    held, size = np.maximum(errors, 0.0), np.where(known, n, 0.0)
    return np.asarray(np.where(known, (size * held + 0.5) / (size + 1), held + FLOOR))


def counted(n: Floats, share: NDArray[np.bool_]) -> Floats:
    """The numbers of examples behind values that are shares of them, which have the range [0, 1]; NaN of others."""
    return np.asarray(np.where(share, n, np.nan))


def from_scale(values: Floats, scale: str, higher_is_better: bool) -> Floats:
    """Values on a scale as measured again, a proportion as of very many examples."""
    signed = values if higher_is_better else -values
    if scale == "logit":
        return np.asarray(1 / (1 + np.exp(-signed)))
    return np.maximum(np.exp(signed) - FLOOR, 0.0) if scale == "log" else signed


def error_on_scale(values: Floats, errors: Floats, n: Floats, scale: str) -> Floats:
    """Standard errors over test examples carried to the scale by its slope (delta method); 0 where none is stored."""
    known = np.nan_to_num(errors, nan=0.0)
    if scale == "logit":
        size = np.where(np.isfinite(n), n, UNKNOWN_N)
        hits = size * np.clip(values, 0.0, 1.0)
        return np.asarray(known * (size / (hits + 0.5) + size / (size - hits + 0.5)))
    if scale == "log":
        slope = np.where(np.isfinite(n), n / (n + 1), 1.0) / _above_zero(values, n)
        return np.asarray(known * slope)
    return known


def deviations_on_scale(deviations: Floats, values: Floats, n: Floats, scale: str, higher_is_better: bool) -> Floats:
    """Small deviations [..., draw] of values [...], carried to the scale by its slope; up is safer."""
    slope = error_on_scale(values, np.ones_like(values), n, scale)
    return np.asarray((1.0 if higher_is_better else -1.0) * slope[..., None] * deviations)


def floor_margin(value: float, scale: str, spread: float) -> float:
    """The least margin a measurement may have, on its scale, at a baseline of `value`.

    One percentage point for proportions (taken towards the middle), 5 % of an error, a tenth of the ladder's spread
    elsewhere.
    """
    if scale == "logit":
        p = float(np.clip(value, 0.005, 0.995))
        q = p + 0.01 if p < 0.5 else p - 0.01
        return float(abs(np.log(p / (1 - p)) - np.log(q / (1 - q))))
    return 0.05 if scale == "log" else 0.1 * spread
