"""Residual risk by method: how much of each hazard passes every barrier, weighed by how often the hazard comes.

Risk = hazard x exposure x vulnerability. The vulnerability is measured, as `residual_risk` under a condition: the share
of its inputs on which the model errs and its monitor stays silent. How often deployed inputs are of that kind, times
the harm of one that passes, no test can tell: it is given, or the same for all.
"""

from collections.abc import Mapping

import polars as pl
from scipy.stats import t

from analysis.capability import at_last_step
from analysis.schema import TASK, checked
from analysis.tables import RISKS

METRIC = "residual_risk"


def risks(results: pl.DataFrame, exposure: Mapping[str, float]) -> pl.DataFrame:
    """The table RISKS: a row per method and hazard, with the mean vulnerability over models, its 95 % interval
    (Student's t over models, null for one) and its part of the risk, exposure x vulnerability.

    `results` is the table RESULTS; each run counts at its last step. `exposure` is by condition; those it does not
    name, or all where it is empty, share what is left of 1 alike.
    """
    rows = at_last_step(results).filter(pl.col("metric") == METRIC, pl.col("part") == "all")
    of_model = (
        rows.rename({"condition": "hazard"})
        .group_by(*TASK, "method", "hazard", "model")
        .agg(value=pl.col("value").mean(), runs=pl.len())
    )
    found = (
        of_model.sort("model")
        .group_by(*TASK, "method", "hazard")
        .agg(
            vulnerability=pl.col("value").mean(),
            error=pl.col("value").std() / pl.len().sqrt(),
            models=pl.len().cast(pl.Int64),
            runs=pl.col("runs").sum().cast(pl.Int64),
        )
    )
    if found.is_empty():
        return RISKS.empty()
    half = pl.lit(pl.Series(t.ppf(0.975, (found["models"] - 1).clip(1).to_numpy()))) * pl.col("error")
    weight = weights(sorted(found["hazard"].unique()), exposure)
    table = found.with_columns(
        exposure=pl.col("hazard").replace_strict(weight, return_dtype=pl.Float64),
        low=(pl.col("vulnerability") - half).clip(0, 1),
        high=(pl.col("vulnerability") + half).clip(0, 1),
    )
    return checked(table.with_columns(risk=pl.col("exposure") * pl.col("vulnerability")).select(*RISKS.columns), RISKS)


def weights(hazards: list[str], exposure: Mapping[str, float]) -> dict[str, float]:
    """The exposure to each hazard: as given, else an equal share of what is left of 1."""
    given = {name: float(exposure[name]) for name in hazards if name in exposure}
    left = max(1 - sum(given.values()), 0.0)
    others = [name for name in hazards if name not in given]
    return given | {name: left / len(others) for name in others}
