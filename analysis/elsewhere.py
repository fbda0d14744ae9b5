"""Everything the analysis says of models measured elsewhere: correlations, and of pairs effects and verdicts."""

from collections.abc import Mapping

import polars as pl

from analysis.audit.settings import AuditSettings
from analysis.model_scores import baselines, model_scores, wide_table
from analysis.observational import OBSERVATIONAL, correlated
from analysis.pairs.audit import AUDITED, Question, audit_pairs
from analysis.pairs.structure import TEXTS, structured
from analysis.scales import distances_from_targets
from analysis.tables import Table, checked

SEED = 0
ALL: dict[str, Table] = {**OBSERVATIONAL, **{table.name: table for table in AUDITED}}


def elsewhere(
    results: pl.DataFrame,
    models: pl.DataFrame,
    *,
    score: str,
    against: Mapping[str, str] | None = None,
    settings: AuditSettings | None = None,
) -> tuple[dict[str, pl.DataFrame], list[str]]:
    """The tables of `analysis.observational`, and where rows are paired those of `analysis.pairs.audit`, by name; and
    lines on the models and measurements that take no part.

    `results` is the table RESULTS, every row a model's, of which baseline models have the baseline's name for a
    method; `models` has a row for each row of the table (see `analysis.pairs.structure`), or no column `baseline` where
    rows are not paired. Raises ValueError where there is no such capability score.
    """
    wide, axes = wide_table(distances_from_targets(results))
    scores = model_scores(wide, axes, score, baselines(results))
    found = correlated(wide, axes, scores, score, against, seed=SEED)
    if "baseline" in models.columns:
        structure = structured(models.select("row", *TEXTS))
        asked = Question(results, structure, scores.values.select("model", score=pl.col(score).cast(pl.Float64)), score)
        found |= audit_pairs(asked, settings or AuditSettings())
    return {name: checked(frame, ALL[name]) for name, frame in found.items()}, scores.notes
