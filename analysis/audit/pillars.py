"""Pillars of safety: a method's differential effect over all measurements of a pillar, in margins."""

import numpy as np
import polars as pl
from scipy import stats

from analysis.audit.settings import AuditSettings
from analysis.scales import Floats
from analysis.schema import TASK

PILLAR = (*TASK, "method", "pillar")
_COLUMNS: dict[str, pl.DataType | type[pl.DataType]] = dict.fromkeys(PILLAR, pl.String)
_COLUMNS |= {"measurements": pl.Int64, "beyond": pl.Float64, "beyond_lower": pl.Float64, "beyond_upper": pl.Float64}


def pillar_frame(rows: pl.DataFrame, draws: Floats, settings: AuditSettings) -> pl.DataFrame:
    """The interquartile mean of D over a pillar's measurements, each in units of its margin, with a t interval
    (exploratory, uncorrected).

    rows: headline rows with `draw`, their column in `draws` [draw, row], D standardised and centred. The interval
    resamples what the rows' own draws do, jointly over the measurements (one set of runs), with the fewest degrees of
    freedom among them. Measurements whose D is not known are left out; IQM: Agarwal et al. 2021, a plain mean below
    four measurements.
    """
    known = rows.filter(pl.col("beyond").is_not_null() & pl.col("pillar").is_not_null())
    found = []
    for key, part in known.group_by(*PILLAR, maintain_order=True):
        point, spread = ((part[name] / part["margin"]).to_numpy() for name in ("beyond", "beyond_se"))
        middle = float(interquartile_mean(point[None])[0])
        se = float(interquartile_mean(point + draws[:, part["draw"].to_numpy()] * spread).std())
        half = float(stats.t.isf(settings.alpha / 2, float(part["beyond_df"].to_numpy().min()))) * se
        found.append((*key, len(part), middle, middle - half, middle + half))
    return pl.DataFrame(found, schema=_COLUMNS, orient="row")


def interquartile_mean(values: Floats) -> Floats:
    """The mean of each row [draw] without its lowest and highest quarter (whole values only)."""
    cut = values.shape[1] // 4
    return np.asarray(np.sort(values, axis=1)[:, cut : values.shape[1] - cut].mean(1))
