"""How far capability scores would come out the same again."""

import numpy as np
import polars as pl

from analysis.capability import at_last_step
from analysis.schema import TASK, checked
from analysis.tables import RELIABILITY


def reliability(scores: pl.DataFrame, scored: pl.DataFrame) -> pl.DataFrame:
    """How far the standard runs' capability scores would come out the same again, as the table RELIABILITY: over halves
    of the test examples (Spearman and Brown's split-half, from the influences of examples), and over seeds (the
    intraclass correlation); each in [0, 1], null where it is not known.
    """
    rows = []
    standard = at_last_step(scores).filter(method="standard")
    for (domain, dataset, name), runs in standard.group_by(*TASK, "score_name", maintain_order=True):
        total = float(np.var(runs["score"].to_numpy(), ddof=1)) if len(runs) > 1 else 0.0
        shares: dict[str, float | None] = {"seeds": _intraclass(runs), "examples": None}
        if "deviations" in scored.columns:
            same = scored.filter(domain=domain, dataset=dataset, score_name=name, method="standard")
            moved = same["deviations"].drop_nulls().to_list()
            if moved and total:
                shares["examples"] = float(np.clip(1 - np.var(np.array(moved), axis=1).mean() / total, 0, 1))
        for over, share in shares.items():
            place = {"domain": domain, "dataset": dataset, "score_name": name}
            rows.append({**place, "over": over, "reliability": share, "runs": len(runs)})
    return checked(pl.DataFrame(rows, schema=RELIABILITY.columns), RELIABILITY)


def _intraclass(runs: pl.DataFrame) -> float | None:
    """The intraclass correlation of one run, over models (Shrout and Fleiss 1979, ICC(1, 1); with unequal numbers of
    seeds, Donner 1986), in [0, 1]; None without two models, or a model with two seeds.
    """
    of = runs.group_by("model", maintain_order=True).agg(
        mean=pl.col("score").mean(), var=pl.col("score").var(), held=pl.len()
    )
    held, models = of["held"].to_numpy(), len(of)
    if models < 2 or held.max() < 2:
        return None
    within = float((of["var"].fill_null(0).to_numpy() * (held - 1)).sum() / (held - 1).sum())
    away = of["mean"].to_numpy() - float(runs["score"].mean())  # type: ignore[arg-type]
    seeds = (held.sum() - (held**2).sum() / held.sum()) / (models - 1)
    between = ((held * away**2).sum() / (models - 1) - within) / seeds
    return float(np.clip(between / (between + within), 0, 1)) if between + within > 0 else None
