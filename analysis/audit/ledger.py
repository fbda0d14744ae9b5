"""Ledgers: what a method did to everything that was measured, and what became of every run that was planned."""

import warnings

import numpy as np
import polars as pl
import statsmodels.api as sm
from scipy import stats
from statsmodels.tools.sm_exceptions import ConvergenceWarning, PerfectSeparationError, PerfectSeparationWarning

from analysis.audit.verdicts import Audit

STATUSES = ("finished", "failed", "flagged", "excluded", "missing")
PLANNED = ("method", "model", "family", "parameters", "seed", "status", "reason")
CLAIM = ["domain", "dataset", "method", "measurement"]


def externality_ledger(audit: Audit, method: str) -> pl.DataFrame:
    """One method's row on every measurement, of safety and of capability: T with its interval and direction, D and
    the label where one was given.

    direction: up, down or unclear, by whether the 95 % interval of T leaves 0 out (uncorrected: a ledger of side
    effects, not of claims).
    """
    rows = audit.effects.filter((pl.col("method") == method) & (pl.col("match") == "epochs"))
    if not len(rows):
        raise ValueError(f"no method {method!r} in the audit: {', '.join(sorted(audit.effects['method'].unique()))}")
    up, down = pl.col("total_lower") > 0, pl.col("total_upper") < 0
    direction = pl.when(up).then(pl.lit("up")).when(down).then(pl.lit("down")).otherwise(pl.lit("unclear"))
    labels = audit.verdicts.select(*CLAIM, "label", "qualifier")
    columns = [
        "axis",
        "pillar",
        "total",
        "total_lower",
        "total_upper",
        "beyond",
        "beyond_lower",
        "beyond_upper",
        "pairs",
    ]
    ledger = rows.select(*CLAIM, *columns, direction.alias("direction")).join(labels, on=CLAIM, how="left")
    return ledger.sort(["axis", "pillar", *CLAIM], nulls_last=True)


def selection_tests(planned: pl.DataFrame) -> pl.DataFrame:
    """Whether being lost goes with method or with scale: question, test, statistic, p, lost, planned.

    Lost: failed, excluded or missing. Method: Fisher's exact test on lost x method (Monte-Carlo beyond 2 x 2). Scale:
    logistic regression on log2 parameters, Wald; Mann-Whitney where the lost runs separate perfectly or the fit
    fails. p is null where nothing or everything was lost.
    """
    _check(planned)
    lost = (~planned["status"].is_in(["finished", "flagged"])).to_numpy()
    known = planned["parameters"].is_not_null().to_numpy()
    rows = [
        ("method", *_by_method(planned["method"].to_numpy(), lost)),
        ("scale", *_by_scale(planned["parameters"], known, lost)),
    ]
    schema = {"question": pl.String, "test": pl.String, "statistic": pl.Float64, "p": pl.Float64}
    return pl.DataFrame(rows, schema=schema, orient="row").with_columns(
        pl.lit(int(lost.sum())).alias("lost"), pl.lit(len(lost)).alias("planned")
    )


Test = tuple[str, float | None, float | None]


def _by_method(methods: np.ndarray, lost: np.ndarray) -> Test:
    names = np.unique(methods)
    if len(names) < 2 or lost.all() or not lost.any():
        return "none", None, None
    table = np.array([[(lost & (methods == name)).sum(), (~lost & (methods == name)).sum()] for name in names])
    if table.shape == (2, 2):
        odds, p = stats.fisher_exact(table)
        return "Fisher", float(odds), float(p)
    how = stats.MonteCarloMethod(n_resamples=4999, rng=np.random.default_rng(0))
    found = stats.fisher_exact(table, method=how)
    return "Fisher", None, float(np.squeeze(found.pvalue))


def _by_scale(parameters: pl.Series, known: np.ndarray, lost: np.ndarray) -> Test:
    x, y = np.log2(parameters.cast(pl.Float64).to_numpy()[known]), lost[known]
    if y.all() or not y.any() or np.ptp(x) == 0:
        return "none", None, None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", PerfectSeparationWarning)
            warnings.simplefilter("error", ConvergenceWarning)
            fit = sm.Logit(y.astype(float), sm.add_constant(x - x.mean())).fit(disp=0)
        return "logistic", float(fit.params[1]), float(fit.pvalues[1])
    except (PerfectSeparationError, PerfectSeparationWarning, ConvergenceWarning, np.linalg.LinAlgError):
        found = stats.mannwhitneyu(x[y], x[~y])
        return "Mann-Whitney", float(found.statistic), float(found.pvalue)


def _check(planned: pl.DataFrame) -> None:
    missing = [name for name in PLANNED if name not in planned.columns]
    if missing:
        raise ValueError(f"planned runs: missing columns {missing}")
    unknown = sorted(set(planned["status"]) - set(STATUSES))
    if unknown:
        raise ValueError(f"planned runs: status {', '.join(map(repr, unknown))} is not one of: {', '.join(STATUSES)}")
