"""What each method changes: its paired differences to standard training, at the same data set, model and seed.

Differences are turned so that up is better or safer, in the measurement's own unit. The effect is the mean over models
of each model's mean over seeds. Its 95 % interval is Student's t over models as clusters (models - 1 degrees of
freedom): it speaks of models like these, not of further seeds of one model. A study of one model has an interval over
its seeds, and says so in `clusters`.

The standardised effect is the effect divided by the standard deviation of the standard runs, over models and seeds: 1
is a typical distance on the baseline's ladder, whatever the measurement's unit.
"""

import polars as pl
from scipy.stats import t

from analysis.capability import at_last_step, oriented
from analysis.schema import checked
from analysis.tables import BASELINE, EFFECTS

MEASUREMENT = ("domain", "dataset", "measurement")
EFFECT = ("domain", "dataset", "method", "measurement", "axis", "pillar")


def paired_effects(results: pl.DataFrame, scores: pl.DataFrame) -> pl.DataFrame:
    """Every method's effect on every measurement (part "all") and every capability score, as the table EFFECTS.

    `results` and `scores` are the tables RESULTS and CAPABILITY; each run counts at its last step. A run of the method
    without its partner is counted in `unpaired`; a method without any pair keeps its row, with no effect. Runs with
    validity flags take part and are counted in `flagged`.
    """
    rows = _observations(results, scores)
    standard = rows.filter(pl.col("method") == BASELINE)
    spread = standard.group_by(MEASUREMENT).agg(spread=pl.col("value").std())
    pairs = (
        rows.filter(pl.col("method") != BASELINE)
        .join(
            standard.select(*MEASUREMENT, "model", "seed", base="value", base_flagged="flagged"),
            on=[*MEASUREMENT, "model", "seed"],
            how="left",
        )
        .sort("model", "seed")
    )
    effects = _summary(pairs).join(spread, on=MEASUREMENT, how="left")
    return checked(_with_intervals(effects).select(*EFFECTS.columns), EFFECTS)


def _observations(results: pl.DataFrame, scores: pl.DataFrame) -> pl.DataFrame:
    measured = at_last_step(results).filter(pl.col("part") == "all")
    run = ["domain", "dataset", "method", "model", "seed"]
    return pl.concat(
        [
            measured.select(*run, "measurement", "axis", "pillar", value=oriented(), flagged=pl.col("flags") != ""),
            at_last_step(scores).select(
                *run,
                measurement="score_name",
                axis=pl.lit("capability"),
                pillar=pl.lit(None, dtype=pl.String),
                value="score",
                flagged=pl.lit(False),
            ),
        ]
    )


def _summary(pairs: pl.DataFrame) -> pl.DataFrame:
    """Per method and measurement: the effect, its standard error, what and how many the clusters are, the counts."""
    difference = pl.col("value") - pl.col("base")
    paired = pl.col("base").is_not_null()
    by_model = pairs.group_by(*EFFECT, "model").agg(
        model_effect=difference.mean(),
        pairs=paired.sum().cast(pl.Int64),
        unpaired=(~paired).sum().cast(pl.Int64),
        flagged=(paired & (pl.col("flagged") | pl.col("base_flagged"))).sum().cast(pl.Int64),
        seeds_error=difference.std() / paired.sum().sqrt(),
    )
    several = pl.col("models") > 1
    return (
        by_model.sort("model")
        .group_by(*EFFECT)
        .agg(
            pl.col("pairs", "unpaired", "flagged").sum(),
            effect=pl.col("model_effect").mean(),
            models=pl.col("model_effect").count().cast(pl.Int64),
            models_error=pl.col("model_effect").std() / pl.col("model_effect").count().sqrt(),
            seeds_error=pl.col("seeds_error").drop_nulls().first(),
        )
        .with_columns(
            standard_error=pl.when(several).then("models_error").when(pl.col("models") == 1).then("seeds_error"),
            units=pl.when(several).then("models").otherwise("pairs"),
            clusters=pl.when(several)
            .then(pl.lit("models"))
            .when(pl.col("pairs") > 1)
            .then(pl.lit("seeds"))
            .otherwise(pl.lit("none")),
        )
    )


def _with_intervals(effects: pl.DataFrame) -> pl.DataFrame:
    freedom = (effects["units"] - 1).clip(1).to_numpy()
    half = pl.lit(pl.Series(t.ppf(0.975, freedom))) * pl.col("standard_error")
    scale = pl.when(pl.col("spread") > 0).then(pl.col("spread"))
    return effects.with_columns(low=pl.col("effect") - half, high=pl.col("effect") + half).with_columns(
        standardised=pl.col("effect") / scale,
        standardised_low=pl.col("low") / scale,
        standardised_high=pl.col("high") / scale,
    )
