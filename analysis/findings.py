"""Everything the analysis says of a study, as named tables."""

import numpy as np
import polars as pl
from scipy.stats import fisher_exact

from analysis.capability import SCORES, capability_scores, capability_weights
from analysis.correlation import capability_correlation
from analysis.effects import paired_effects
from analysis.tables import CAPABILITY, LEDGER, RESULTS, checked


def findings(results: pl.DataFrame, runs: pl.DataFrame, *, seed: int, draws: int = 2000) -> dict[str, pl.DataFrame]:
    """The findings by name, each as the table of that name: capability, capability_weights, correlations, effects,
    ledger.

    `results` is the table RESULTS; `runs` has every planned run with at least its method and status (finished or
    failed). The same input and seed give the same tables. Raises TableError where `results` is not that table.
    """
    results = checked(results, RESULTS)
    scores = checked(pl.concat([capability_scores(results, score=score) for score in SCORES]), CAPABILITY)
    return {
        "capability": scores,
        "capability_weights": capability_weights(results),
        "correlations": capability_correlation(results, scores, draws=draws, rng=np.random.default_rng(seed)),
        "effects": paired_effects(results, scores),
        "ledger": ledger(runs),
    }


def ledger(runs: pl.DataFrame) -> pl.DataFrame:
    """How many runs of each method were planned, finished and failed, as the table LEDGER.

    `p` is Fisher's exact test (two-sided) of whether the method's runs fail as often as all other runs: where failures
    go with the method, the runs that finished are no fair sample of it. Null where there is no other method.
    """
    failed = (pl.col("status") == "failed").sum().cast(pl.Int64)
    counts = runs.group_by("method").agg(planned=pl.len().cast(pl.Int64), failed=failed).sort("method")
    planned, lost = int(counts["planned"].sum()), int(counts["failed"].sum())
    tests = [
        fisher_exact([[f, n - f], [lost - f, planned - lost - (n - f)]]).pvalue if n < planned else None
        for n, f in counts.select("planned", "failed").iter_rows()
    ]
    frame = counts.with_columns(finished=pl.col("planned") - pl.col("failed"), p=pl.Series(tests, dtype=pl.Float64))
    return checked(frame, LEDGER)
