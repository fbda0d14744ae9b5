"""What a planned study can show before it is run: the least effects that 80 % of such studies would find, from the
spread of a study that was run, or from one that is assumed.
"""

from collections.abc import Sequence

import numpy as np
import polars as pl

from analysis.audit.grid import Grid, grids
from analysis.audit.power import detectable_effect, equivalence_halfwidth
from analysis.audit.settings import AuditSettings
from analysis.audit.transform import Floats

CLAIM_SPREAD = ("domain", "dataset", "area", "measurement")


def spread_of_claims(
    results: pl.DataFrame, scores: pl.DataFrame, verdicts: pl.DataFrame, settings: AuditSettings
) -> pl.DataFrame:
    """What D scattered by in a study that was run, a row per area: unit (model or pair), seeds (pairs a unit), sd (of
    one unit's D, on the measurement's scale; the median over methods), seed_share (the share of its variance that more
    seeds a model would shrink, in [0, 1]) and margin.

    `verdicts` is the table VERDICTS. Areas without an estimate of D are left out.
    """
    known = verdicts.filter(pl.col("area").is_not_null(), pl.col("beyond_se").is_not_null(), pl.col("units") > 0)
    of_unit = known.with_columns(sd=pl.col("beyond_se") * pl.col("units").sqrt())
    spread = of_unit.group_by(CLAIM_SPREAD).agg(
        pl.col("unit").first(),
        seeds=(pl.col("pairs") / pl.col("units")).median(),
        sd=pl.col("sd").median(),
        margin=pl.col("margin").first(),
    )
    places = {(grid.domain, grid.dataset): grid for grid in grids(results, scores, settings)}
    shares = [
        _seed_share(places[row["domain"], row["dataset"]], row["measurement"]) if row["unit"] == "model" else 0.0
        for row in spread.iter_rows(named=True)
    ]
    return spread.with_columns(seed_share=pl.Series(shares, dtype=pl.Float64)).sort(CLAIM_SPREAD)


def assumed_spread(sd: float, areas: Sequence[tuple[str, float]], *, models: int) -> pl.DataFrame:
    """The same for a study that was never run: one pair's D scatters by `sd`, all of it over seeds. `areas` are names
    with their margins.
    """
    unit = "model" if models >= AuditSettings().min_models else "pair"
    rows = [{"area": area, "margin": margin, "unit": unit, "seeds": 1.0, "sd": sd} for area, margin in areas]
    schema = {"area": pl.String, "margin": pl.Float64, "unit": pl.String, "seeds": pl.Float64, "sd": pl.Float64}
    return pl.DataFrame(rows, schema=schema).with_columns(seed_share=pl.lit(1.0 if unit == "model" else 0.0))


def foreseen(spread: pl.DataFrame, *, models: int, seeds: Sequence[int], claims: int) -> pl.DataFrame:
    """A row per area and number of seeds: area, seeds, margin, alone and among (the least true D that a test of this
    claim alone, and one corrected for all `claims`, finds in 80 % of studies) and equivalence (the least margin within
    which no effect is shown to be none).
    """
    rows = []
    for row in spread.iter_rows(named=True):
        for count in seeds:
            units = models if row["unit"] == "model" else models * count
            if units < 2:
                continue
            sd = row["sd"] * float(np.sqrt(1 - row["seed_share"] + row["seed_share"] * row["seeds"] / count))
            found = {
                "alone": row["margin"] + detectable_effect(units, sd),
                "among": row["margin"] + detectable_effect(units, sd, claims=claims),
                "equivalence": equivalence_halfwidth(units, sd),
            }
            rows.append({"area": row["area"], "seeds": count, "margin": row["margin"], **found})
    schema = {"area": pl.String, "seeds": pl.Int64}
    schema |= dict.fromkeys(("margin", "alone", "among", "equivalence"), pl.Float64)
    return pl.DataFrame(rows, schema=schema)


def _seed_share(grid: Grid, measurement: str) -> float:
    """Of the variance of models' mean differences to the baseline, the share that comes from seeds; pooled over
    methods. 1 where models differ no more than their seeds.
    """
    y = grid.y[..., grid.measurements["measurement"].to_list().index(measurement)]
    shares = [_share(difference) for difference in y[1:] - y[0]]
    known = [share for share in shares if share is not None]
    return float(np.median(known)) if known else 0.0


def _share(difference: Floats) -> float | None:
    rows = [row[np.isfinite(row)] for row in difference]
    rows = [row for row in rows if len(row) > 1]
    if len(rows) < 3:
        return None
    within = float(np.mean([row.var(ddof=1) / len(row) for row in rows]))
    over = float(np.var([row.mean() for row in rows], ddof=1))
    return min(within / over, 1.0) if over > 0 else None
