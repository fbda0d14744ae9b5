"""What became of every run that was planned, and whether being lost goes with method or with scale."""

import warnings

import numpy as np
import polars as pl
import statsmodels.api as sm
from scipy import stats
from statsmodels.tools.sm_exceptions import ConvergenceWarning, PerfectSeparationError, PerfectSeparationWarning

from analysis.capability import at_last_step
from analysis.schema import RUN, TASK, checked
from analysis.tables import LEDGER

STATUSES = ("finished", "failed", "flagged", "excluded", "missing")
PLANNED = ("method", "model", "family", "parameters", "seed", "status", "reason")


def planned_runs(runs: pl.DataFrame, results: pl.DataFrame) -> pl.DataFrame:
    """Every planned run with its fate: finished, flagged (finished, but a value carries a validity flag) or failed.

    A failed run has the parameters of the model's other runs.
    """
    flagged = at_last_step(results).filter(pl.col("flags") != "").select(RUN).unique().with_columns(flag=pl.lit(True))
    status = pl.when(pl.col("status") == "finished", pl.col("flag")).then(pl.lit("flagged")).otherwise("status")
    parameters = pl.col("parameters").fill_null(pl.col("parameters").max().over(*TASK, "model"))
    return runs.join(flagged, on=RUN, how="left").with_columns(status=status, parameters=parameters).select(PLANNED)


def ledger(planned: pl.DataFrame) -> pl.DataFrame:
    """How many runs of each method were planned, finished, failed and flagged, as the table LEDGER.

    `p` is Fisher's exact test (two-sided) of whether the method's runs fail as often as all other runs: where failures
    go with the method, the runs that finished are no fair sample of it. Null where there is no other method.
    """
    of = {name: (pl.col("status") == name).sum().cast(pl.Int64) for name in ("failed", "flagged")}
    counts = planned.group_by("method").agg(planned=pl.len().cast(pl.Int64), **of).sort("method")
    total, lost = int(counts["planned"].sum()), int(counts["failed"].sum())
    tests = [
        stats.fisher_exact([[f, n - f], [lost - f, total - lost - (n - f)]]).pvalue if n < total else None
        for n, f in counts.select("planned", "failed").iter_rows()
    ]
    frame = counts.with_columns(finished=pl.col("planned") - pl.col("failed"), p=pl.Series(tests, dtype=pl.Float64))
    return checked(frame, LEDGER)


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
