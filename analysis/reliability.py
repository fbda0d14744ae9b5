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
        seeds = runs.group_by("model").agg(within=pl.col("score").var(), held=pl.len()).filter(pl.col("held") > 1)
        noise = {"seeds": seeds["within"].mean() if len(seeds) else None, "examples": None}
        if "deviations" in scored.columns:
            same = scored.filter(domain=domain, dataset=dataset, score_name=name, method="standard")
            moved = same["deviations"].drop_nulls().to_list()
            noise["examples"] = float(np.var(np.array(moved), axis=1).mean()) if moved else None
        for over, variance in noise.items():
            share = None if variance is None or total == 0 else float(np.clip(1 - float(variance) / total, 0, 1))  # type: ignore[arg-type]
            place = {"domain": domain, "dataset": dataset, "score_name": name}
            rows.append({**place, "over": over, "reliability": share, "runs": len(runs)})
    return checked(pl.DataFrame(rows, schema=RELIABILITY.columns), RELIABILITY)
