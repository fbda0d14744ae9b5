"""Everything the analysis says of models measured elsewhere: correlations, and of pairs effects and verdicts."""

from collections.abc import Mapping

import numpy as np
import polars as pl

from analysis.audit.settings import AuditSettings
from analysis.jumps.schema import JUMP_FITS, JUMPS
from analysis.jumps.table import jumps
from analysis.model_scores import ModelScores, baselines, model_scores, wide_table
from analysis.observational import OBSERVATIONAL, correlated, held_against
from analysis.pairs.audit import AUDITED, Question, audit_pairs
from analysis.pairs.structure import TEXTS, structured
from analysis.partial import LAB, PARTIAL, RELEASED, partial_correlations
from analysis.scales import distances_from_targets
from analysis.schema import Table, checked
from analysis.tables import BASELINE

SEED = 0
DRAWS = 2000
TRAINING = "training"
ALL: dict[str, Table] = {
    **OBSERVATIONAL,
    **{table.name: table for table in (PARTIAL, *AUDITED, JUMPS, JUMP_FITS)},
}


def elsewhere(
    results: pl.DataFrame,
    models: pl.DataFrame,
    *,
    score: str,
    against: Mapping[str, str] | None = None,
    settings: AuditSettings | None = None,
    items: pl.DataFrame | None = None,
) -> tuple[dict[str, pl.DataFrame], list[str]]:
    """Tables by name: those of `analysis.observational`, that of `analysis.partial` where models have a date or a lab,
    JUMPS and JUMP_FITS over training where models are checkpoints, and those of `analysis.pairs.audit` where rows are
    paired; and lines on models and measurements that take no part.

    `results` is the table RESULTS, every row a model's, of which baseline models have the baseline's name for a
    method; `models` has a row for each row of the table (see `analysis.pairs.structure`), or no column `baseline` where
    rows are not paired; `items` is the table ITEMS, where scores of items are known. Raises ValueError where there is
    no such capability score.
    """
    wide, axes = wide_table(distances_from_targets(results))
    scores = model_scores(wide, axes, score, baselines(results))
    found = correlated(wide, axes, scores, score, against, seed=SEED)
    partial = _partial(wide, axes, scores, score, against, models)
    found |= {PARTIAL.name: partial} if len(partial) else {}
    found |= over_training(results, models)
    if "baseline" in models.columns:
        structure = structured(models.select("row", *TEXTS), set(results["model"]))
        values = scores.values.select("model", score=pl.col(score).cast(pl.Float64))
        asked = Question(results, structure, values, score, items)
        found |= audit_pairs(asked, settings or AuditSettings())
    return {name: checked(frame, ALL[name]) for name, frame in found.items()}, scores.notes


def over_training(results: pl.DataFrame, models: pl.DataFrame) -> dict[str, pl.DataFrame]:
    """JUMPS and JUMP_FITS of each measurement over the checkpoints of one training, whatever method they belong to;
    nothing where no model is a checkpoint.
    """
    if TRAINING not in models.columns:
        return {}
    known = models.unique("model").drop_nulls("step").select("model", TRAINING)
    curves = results.join(known, on="model").with_columns(
        model=pl.col(TRAINING), method=pl.lit(BASELINE), family=pl.col("family").fill_null("")
    )
    if curves.is_empty():
        return {}
    judged, fits = jumps(curves, axis="step", rng=np.random.default_rng(SEED), companions={})
    return {JUMPS.name: judged, JUMP_FITS.name: fits}


def _partial(
    wide: pl.DataFrame,
    axes: Mapping[str, str],
    scores: ModelScores,
    score: str,
    against: Mapping[str, str] | None,
    models: pl.DataFrame,
) -> pl.DataFrame:
    """The table PARTIAL; empty where nobody says when a model was released or by which lab."""
    if not {RELEASED, LAB} <= set(models.columns):
        return PARTIAL.empty()
    known = models.unique("model").select("model", RELEASED, pl.col(LAB).replace("", None))
    about = wide.select("model").join(known, on="model", how="left", maintain_order="left")
    held = [
        (measurement, name, values)
        for name, values, members in held_against(wide, axes, scores, score, against)
        for measurement in members
    ]
    found = partial_correlations(held, wide, about, DRAWS, SEED)
    axis = pl.col("measurement").replace_strict(axes, return_dtype=pl.String)
    return found.with_columns(axis=axis).select(*PARTIAL.columns)
