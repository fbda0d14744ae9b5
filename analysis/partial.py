"""Partial rank correlations: how a measurement goes with capability among models of one time, of one lab, or both.

Newer models are more capable and safer, and so are those of some labs, without the one being for the other. Spearman's
partial correlation is that of what is left of both columns' ranks when their regression on the rank of the release
date, on a constant for each lab, or on both has been taken out.
"""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import polars as pl

from analysis.bootstrap import blocks, cluster_counts, percentile_interval
from analysis.correlation import FEW_FAMILIES, FEWEST_PAIRS
from analysis.schema import Table

Array = npt.NDArray[np.float64]
Labels = npt.NDArray[np.int64]

RELEASED, LAB = "released", "lab"
CONSTANT = 1e-9  # of a column's variance of ranks: less is left of a column that the others explain

PARTIAL = Table(
    name="partial_correlations",
    columns={
        "measurement": pl.String,
        "axis": pl.String,
        "score": pl.String,
        "given": pl.String,  # released, lab, or "released, lab"
        "estimate": pl.Float64,
        "low": pl.Float64,  # 95 %, over families
        "high": pl.Float64,
        "unadjusted": pl.Float64,  # Spearman's correlation of the same models
        "n": pl.Int64,  # models that have all of it
        "df": pl.Int64,  # models, less what is taken out
        "families": pl.Int64,
        "rough": pl.Boolean,  # fewer than 8 families are known
    },
    key=("measurement", "axis", "score", "given"),
    nullable=("low", "high", "families"),
)


def partial_spearman(x: Array, y: Array, time: Array | None, groups: Labels, counts: Array) -> Array:
    """The partial correlation of complete x and y given time, and given the groups, when row i is there counts[r, i]
    times, [resample]; NaN where nothing is left of x or y.
    """
    order = np.argsort(groups, kind="stable")
    starts = np.flatnonzero(np.r_[True, np.diff(groups[order]) != 0])
    columns = [x, y] if time is None else [x, y, time]
    left = [_within(_ranks(column[order], counts[:, order]), counts[:, order], starts) for column in columns]
    weighted = [counts[:, order] * each for each in left]
    of = {(i, j): np.vecdot(weighted[i], left[j]) for i in range(len(left)) for j in range(i, len(left))}
    least = CONSTANT * counts.sum(axis=1) ** 3
    with np.errstate(divide="ignore", invalid="ignore"):
        xx, yy, xy = of[0, 0], of[1, 1], of[0, 1]
        if time is not None:
            share = np.where(of[2, 2] > least, 1 / of[2, 2], 0.0)
            xx, yy = xx - of[0, 2] ** 2 * share, yy - of[1, 2] ** 2 * share
            xy = xy - of[0, 2] * of[1, 2] * share
        return np.asarray(np.where((xx > least) & (yy > least), xy / np.sqrt(xx * yy), np.nan))


def partial_correlations(
    held: list[tuple[str, str, pl.Series]], wide: pl.DataFrame, about: pl.DataFrame, draws: int, seed: int
) -> pl.DataFrame:
    """The table PARTIAL but for the axis, of measurements, each with the name and the values of what it is held
    against [row of wide]. `about` has the columns released, a year, and lab, null where unknown, for the same rows.
    """
    rows = [
        {"measurement": measurement, "score": score, "given": ", ".join(given), **found}
        for measurement, score, values in held
        for given in _given(about)
        if (found := _partial(wide, values, measurement, about, given, draws, seed)) is not None
    ]
    schema = {name: dtype for name, dtype in PARTIAL.columns.items() if name != "axis"}
    return pl.DataFrame(rows, schema=schema, orient="row").with_columns(pl.col("low", "high").fill_nan(None))


def _given(about: pl.DataFrame) -> Iterator[tuple[str, ...]]:
    known = [name for name in (RELEASED, LAB) if about[name].drop_nulls().n_unique() > 1]
    yield from ((name,) for name in known)
    if len(known) == 2:
        yield (RELEASED, LAB)


def _partial(
    wide: pl.DataFrame,
    score: pl.Series,
    measurement: str,
    about: pl.DataFrame,
    given: tuple[str, ...],
    draws: int,
    seed: int,
) -> dict[str, object] | None:
    """One estimate with its interval over families; None where too little is left."""
    frame = about.select(given).with_columns(score.alias("x"), wide[measurement].alias("y"), wide["family"].alias("of"))
    frame = frame.drop_nulls()
    x, y = (frame[name].cast(pl.Float64).to_numpy() for name in ("x", "y"))
    time = frame[RELEASED].to_numpy() if RELEASED in given else None
    labs = frame[LAB].rank("dense").cast(pl.Int64).to_numpy() if LAB in given else np.zeros(len(x), np.int64)
    df = len(x) - len(np.unique(labs)) + 1 - (time is not None)
    if df < FEWEST_PAIRS:
        return None
    whole = np.ones((1, len(x)))
    estimate = float(partial_spearman(x, y, time, labs, whole)[0])
    if np.isnan(estimate):
        return None
    families, codes = np.unique(frame["of"].to_numpy().astype(str), return_inverse=True)
    rng = np.random.default_rng(seed)
    drawn = [partial_spearman(x, y, time, labs, cluster_counts(codes, size, rng)) for size in blocks(draws)]
    low, high = percentile_interval(np.concatenate(drawn)[:, None])
    known = bool((families != "").any())
    return {
        "estimate": estimate,
        "low": low[0],
        "high": high[0],
        "unadjusted": float(partial_spearman(x, y, None, np.zeros(len(x), np.int64), whole)[0]),
        "n": len(x),
        "df": df,
        "families": len(families) if known else None,
        "rough": not known or len(families) < FEW_FAMILIES,
    }


def _ranks(values: Array, counts: Array) -> Array:
    """Average ranks when each row is there so often, [resample, row]."""
    order = np.argsort(values, kind="stable")
    starts = np.flatnonzero(np.r_[True, np.diff(values[order]) != 0])
    sizes = np.diff(np.r_[starts, len(values)])
    groups = np.add.reduceat(counts[:, order], starts, axis=1)
    ranks = np.empty_like(counts)
    ranks[:, order] = np.repeat(np.cumsum(groups, axis=1) - groups / 2, sizes, axis=1)
    return ranks


def _within(values: Array, counts: Array, starts: npt.NDArray[np.intp]) -> Array:
    """Values [resample, row] less their weighted mean in the group that starts at each of `starts`."""
    sizes = np.diff(np.r_[starts, values.shape[1]])
    totals = np.add.reduceat(counts, starts, axis=1)
    means = np.add.reduceat(counts * values, starts, axis=1) / np.where(totals > 0, totals, 1)
    return np.asarray(values - np.repeat(means, sizes, axis=1))
