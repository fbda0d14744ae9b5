"""What a planned study can show before it is run: the least effects that 80 % of such studies would find, from the
spread of a study that was run, or from one that is assumed.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import polars as pl

from analysis.audit.power import detectable_effect, equivalence_halfwidth
from analysis.audit.settings import AuditSettings

CLAIM_SPREAD = ("domain", "dataset", "area", "measurement")
LEAST_ERRORS = 2.5  # standard errors of D: within a narrower margin no effect can be shown to be none


def spread_of_claims(verdicts: pl.DataFrame) -> pl.DataFrame:
    """What D scattered by in a study that was run, a row per area: unit (model or pair), seeds (pairs a unit), sd (of
    one unit's D, on the measurement's scale, by the units that D rests on), seed_share (the share of its variance that
    more seeds a model would shrink, in [0, 1]) and margin; medians over the methods with the commonest unit.

    `verdicts` is the table VERDICTS. Areas without an estimate of D are left out.
    """
    known = verdicts.filter(pl.col("area").is_not_null(), pl.col("beyond_se").is_not_null(), pl.col("units") > 0)
    of_model = pl.col("unit") == "model"
    commonest = pl.col("unit").mode().sort().first().over(CLAIM_SPREAD)
    return (
        known.filter(pl.col("unit") == commonest)
        .with_columns(sd=pl.col("beyond_se") * pl.col("in_range").sqrt())
        .group_by(CLAIM_SPREAD)
        .agg(
            pl.col("unit").first(),
            pl.col("sd").median(),
            seeds=(pl.col("pairs") / pl.col("units")).median(),
            seed_share=pl.when(of_model).then("seed_share").otherwise(0.0).median(),
            margin=pl.col("margin").first(),
        )
        .sort(CLAIM_SPREAD)
    )


def assumed_spread(sd: float, areas: Sequence[tuple[str, float]], *, models: int) -> pl.DataFrame:
    """The same for a study that was never run: one pair's D scatters by `sd`, all of it over seeds. `areas` are names
    with their margins.
    """
    unit = "model" if models >= AuditSettings().min_models else "pair"
    rows = [{"area": area, "margin": margin, "unit": unit, "seeds": 1.0, "sd": sd} for area, margin in areas]
    schema = {"area": pl.String, "margin": pl.Float64, "unit": pl.String, "seeds": pl.Float64, "sd": pl.Float64}
    return pl.DataFrame(rows, schema=schema).with_columns(seed_share=pl.lit(1.0 if unit == "model" else 0.0))


def prospective_power(spread: pl.DataFrame, *, models: int, seeds: Sequence[int], claims: int) -> pl.DataFrame:
    """A row per area and number of seeds: area, seeds, margin, alone and among (the least true D that a test of this
    claim alone, and one that is the only true one of all `claims`, finds in 80 % of studies), equivalence (the least
    margin within which no effect is shown to be none in 80 % of studies) and least (2.5 standard errors: within a
    narrower margin hardly any study shows it).
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
                "least": LEAST_ERRORS * sd / float(np.sqrt(units)),
            }
            rows.append({"area": row["area"], "seeds": count, "margin": row["margin"], **found})
    schema = {"area": pl.String, "seeds": pl.Int64}
    schema |= dict.fromkeys(("margin", "alone", "among", "equivalence", "least"), pl.Float64)
    return pl.DataFrame(rows, schema=schema)


def narrow_margins(planned: pl.DataFrame, margins: pl.DataFrame, areas: Mapping[str, str]) -> pl.DataFrame:
    """The areas whose margin is narrower than such a study can decide, or than the default that it would have without
    one: area, measurement, margin, least (see `prospective_power`; null where its spread is not known), default
    (null likewise).

    `planned` has a row an area, of `prospective_power`; `margins` is the table MARGINS; `areas` name their
    measurements.
    """
    named = pl.DataFrame(
        {"area": list(areas), "measurement": list(areas.values())},
        schema=dict.fromkeys(("area", "measurement"), pl.String),
    )
    found = named.join(margins.select("measurement", "margin", "default"), on="measurement", how="inner")
    found = found.join(planned.select("area", "least"), on="area", how="left")
    narrow = (pl.col("margin") < pl.col("least")).fill_null(False) | (pl.col("margin") < 0.99 * pl.col("default"))
    return found.filter(narrow.fill_null(False)).select("area", "measurement", "margin", "least", "default")
