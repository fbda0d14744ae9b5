"""Margins from the study's own ladder, where none are given: half of what one doubling of training compute does to
the baseline.

Frozen margins (`Margins` in the settings) are better: these use the results they then judge, though only the
baseline's.
"""

import hashlib

import numpy as np
import polars as pl

from analysis.audit.grid import Grid
from analysis.audit.settings import AuditSettings
from analysis.scales import Floats, floor_margin

REFERENCE_SEEDS = 10  # a margin is at least twice the standard error of a mean over this many seeds


def margin_frame(grid: Grid, settings: AuditSettings) -> pl.DataFrame:
    """domain, dataset, measurement (or `capability`), margin, source (given, doubling, seeds, floor), doubling, default
    (the margin that it would have without one given): one row per safety measurement and one for capability.
    """
    rows = []
    for m, about in enumerate(grid.measurements.iter_rows(named=True)):
        if about["axis"] != "safety":
            continue
        y, value = grid.y[0, ..., m], grid.value[0, ..., m]
        known = value[np.isfinite(value)]
        spread = float(np.nanstd(y)) if len(known) else 0.0
        floor = floor_margin(float(known.mean()) if len(known) else 0.5, about["scale"], spread)
        rows.append(
            {
                "measurement": about["measurement"],
                **_margin(y, grid, floor, settings.margins.safety.get(about["measurement"])),
            }
        )
    rows.append({"measurement": "capability", **_margin(grid.capability[0], grid, 0.0, settings.margins.capability)})
    return pl.DataFrame(rows).select(
        pl.lit(grid.domain).alias("domain"), pl.lit(grid.dataset).alias("dataset"), pl.all()
    )


def margins_digest(frame: pl.DataFrame) -> str:
    """The first 16 hexadecimal digits of the SHA-256 of all margins, rounded to 9 digits, whatever the order of the
    rows.
    """
    lines = sorted(
        f"{d}/{s}/{m}={v:.9g}" for d, s, m, v in frame.select("domain", "dataset", "measurement", "margin").iter_rows()
    )
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]


def doubling_effect(runs: Floats, grid: Grid) -> float | None:
    """The mean effect of one doubling of compute on the baseline's runs [model, seed], within families; None where it
    can't be known.
    """
    known = np.isfinite(runs).any(1) & np.isfinite(grid.scale)
    y = np.array([row[np.isfinite(row)].mean() for row in runs[known]])
    _, family = np.unique(grid.families[known], return_inverse=True)
    x = grid.scale[known]
    if len(x) < 3:
        return None
    x, y = (v - (np.bincount(family, v) / np.bincount(family))[family] for v in (x, y))
    return float(x @ y / (x @ x)) if x @ x > 1e-9 else None


def seed_spread(runs: Floats) -> float:
    """The SD over seeds within models, pooled; 0 where no model has two."""
    counts = np.isfinite(runs).sum(1)
    squares = [((row[np.isfinite(row)] - row[np.isfinite(row)].mean()) ** 2).sum() for row in runs[counts > 1]]
    return float(np.sqrt(np.sum(squares) / (counts[counts > 1] - 1).sum())) if len(squares) else 0.0


def _margin(runs: Floats, grid: Grid, floor: float, given: float | None) -> dict[str, float | str | None]:
    doubling = doubling_effect(runs, grid)
    known = runs[np.isfinite(runs)]
    least = floor or 0.05 * (float(known.std()) if len(known) else 1.0) or 1e-6
    half = abs(doubling or 0.0) / 2
    choices = {"doubling": half, "seeds": 2 * seed_spread(runs) / np.sqrt(REFERENCE_SEEDS), "floor": least}
    source = max(choices, key=lambda name: choices[name])
    default = float(choices[source])
    if given is not None:
        return {"margin": given, "source": "given", "doubling": doubling, "default": default}
    return {"margin": default, "source": source, "doubling": doubling, "default": default}
