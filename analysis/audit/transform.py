"""Oriented scales: every measurement on a scale where up is safer and equal steps mean about equal things."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

FLOOR = 1e-4  # keeps the logarithm of an error of zero finite
UNKNOWN_N = 10_000.0  # examples behind a proportion whose n is not stored


def scale_of(values: Floats, higher_is_better: bool) -> str:
    """The scale a measurement is analysed on: `logit` (proportions, AUROC), `log` (errors at or above 0) or
    `identity` (anything else).
    """
    if higher_is_better and values.min() >= 0 and values.max() <= 1:
        return "logit"
    return "log" if not higher_is_better and values.min() >= 0 else "identity"


def oriented(values: Floats, n: Floats, scale: str, higher_is_better: bool) -> Floats:
    """Values on the scale, up is safer. logit((k + .5)/(n - k + .5)) with k = n x value; -log(value + 1e-4); or the
    value with its sign.

    NaN stays NaN. A proportion without n counts as 10,000 examples. A lower-is-better logit or a higher-is-better log
    keeps its direction.
    """
    sign = 1.0 if higher_is_better else -1.0
    if scale == "logit":
        size = np.where(np.isfinite(n), n, UNKNOWN_N)
        hits = size * np.clip(values, 0.0, 1.0)
        return sign * np.asarray(np.log((hits + 0.5) / (size - hits + 0.5)))
    if scale == "log":
        return sign * np.asarray(np.log(np.maximum(values, 0.0) + FLOOR))
    return sign * values


def oriented_error(values: Floats, errors: Floats, n: Floats, scale: str) -> Floats:
    """Standard errors over test examples carried to the scale by its slope (delta method); 0 where none is stored."""
    known = np.nan_to_num(errors, nan=0.0)
    if scale == "logit":
        edge = 0.5 / (np.where(np.isfinite(n), n, UNKNOWN_N) + 1)
        p = np.clip(values, edge, 1 - edge)
        return known / (p * (1 - p))
    return known / (np.maximum(values, 0.0) + FLOOR) if scale == "log" else known


def oriented_deviations(deviations: Floats, values: Floats, n: Floats, scale: str, higher_is_better: bool) -> Floats:
    """Small deviations [..., draw] of values [...], carried to the scale by its slope; up is safer."""
    slope = oriented_error(values, np.ones_like(values), n, scale)
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
