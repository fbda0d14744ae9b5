"""Models measured elsewhere: how safety measurements move with capability over models that nobody trained in pairs.

There are no methods here, so there is no effect to speak of: correlations over all models (`pooled`), the mean of those
within families (`within families`), and what label a measurement gets from the first. Rows come in families; intervals
resample these.
"""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import polars as pl

from analysis.bootstrap import bootstrap_spearman, cluster_counts, percentile_interval, resampled_spearman
from analysis.correlation import FEW_FAMILIES, FEWEST_PAIRS
from analysis.label_fragility import LABEL_FRAGILITY, LINE, label_fragility
from analysis.model_scores import SCORES, WEIGHTS, ModelScores, baselines, model_scores, wide_table
from analysis.scales import distances_from_targets
from analysis.schema import Table, checked

Array = npt.NDArray[np.float64]
Labels = npt.NDArray[np.int64]

POOLED, WITHIN = "pooled", "within families"
DETERMINED = 0.8  # of the squared correlation: its whole interval above this
SEPARABLE = LINE  # of the correlation's magnitude: its whole interval below this
LEAST_MODELS = 5

_INTERVAL = {"estimate": pl.Float64, "low": pl.Float64, "high": pl.Float64}
_COUNTS = {"n": pl.Int64, "families": pl.Int64}
_OF = {"measurement": pl.String, "axis": pl.String}

CORRELATIONS = Table(
    name="correlations",
    columns={
        **_OF,  # axis: capability, safety or scale
        "population": pl.String,
        "score": pl.String,  # what it is correlated with
        **_INTERVAL,  # Spearman's correlation, turned so that up is better or safer
        **_COUNTS,  # models; families, null where none are known
        "rough": pl.Boolean,  # fewer than 8 families are known: the interval is only a hint
    },
    key=("measurement", "axis", "population", "score"),
    nullable=("low", "high", "families"),
)
FAMILY_CORRELATIONS = Table(
    name="family_correlations",
    columns={**_OF, "score": pl.String, "family": pl.String, "estimate": pl.Float64, "n": pl.Int64},
    key=("measurement", "axis", "score", "family"),
)
LABELS = Table(
    name="metric_labels",
    columns={
        "measurement": pl.String,
        "score": pl.String,
        "label": pl.String,
        **_INTERVAL,
        **_COUNTS,
        "rough": pl.Boolean,
    },
    key=("measurement",),
    nullable=("label", "low", "high", "families"),
)
OBSERVATIONAL = {
    table.name: table for table in (CORRELATIONS, FAMILY_CORRELATIONS, LABELS, LABEL_FRAGILITY, SCORES, WEIGHTS)
}


def observational(
    results: pl.DataFrame, *, score: str, against: Mapping[str, str] | None = None, draws: int = 2000, seed: int = 0
) -> dict[str, pl.DataFrame]:
    """The tables of OBSERVATIONAL for one data set of the table RESULTS, every row of which is a model's.

    `score` is one of `analysis.model_scores`; of pc1, a capability measurement is held against the score without it.
    `against` names, for a measurement, the one it is correlated with in the score's place.
    Intervals are the 95 % percentile bootstrap's over families, then models; each is drawn from `seed` anew, so that
    none depends on what else is in the table. Raises ValueError where there is no such score.
    """
    wide, axes = wide_table(distances_from_targets(results))
    return correlated(wide, axes, model_scores(wide, axes, score, baselines(results)), score, against, draws, seed)


def correlated(
    wide: pl.DataFrame,
    axes: Mapping[str, str],
    of_models: ModelScores,
    score: str,
    against: Mapping[str, str] | None = None,
    draws: int = 2000,
    seed: int = 0,
) -> dict[str, pl.DataFrame]:
    """The same of a wide table, the axis of each measurement, and the models' scores."""
    frames = [
        _correlated(wide, values, name, members, draws, seed)
        for name, values, members in held_against(wide, axes, of_models, score, against)
    ]
    of = pl.DataFrame({"measurement": list(axes), "axis": list(axes.values())}, schema=_OF)
    pooled, by_family, fragile = (pl.concat(each) for each in zip(*frames, strict=True))
    pooled, by_family = (each.join(of, on="measurement") for each in (pooled, by_family))
    return {
        "correlations": checked(pooled, CORRELATIONS),
        "family_correlations": checked(by_family, FAMILY_CORRELATIONS),
        "metric_labels": checked(metric_labels(pooled), LABELS),
        "label_fragility": checked(fragile, LABEL_FRAGILITY),
        "capability": checked(of_models.table(), SCORES),
        "capability_weights": checked(of_models.weights, WEIGHTS),
    }


def held_against(
    wide: pl.DataFrame,
    axes: Mapping[str, str],
    of_models: ModelScores,
    score: str,
    against: Mapping[str, str] | None = None,
) -> list[tuple[str, pl.Series, list[str]]]:
    """What measurements are held against: its name, its values [row of wide], and the measurements."""
    scores = of_models.values
    against = {name: other for name, other in (against or {}).items() if name != other}
    names = [name for name in axes if name != score and name not in against]
    own = {f"{score} without {name}": name for name in names if f"{score} without {name}" in scores.columns}
    groups = {score: [name for name in names if name not in own.values()], **{key: [name] for key, name in own.items()}}
    found = [(name, scores[name], members) for name, members in groups.items()]
    return found + [(other, wide[other], [name]) for name, other in against.items()]


def metric_labels(correlations: pl.DataFrame) -> pl.DataFrame:
    """The label of every safety measurement, from its pooled correlation with the score: capability-determined where
    the whole interval explains over 80 % of the variance of ranks, separable where it lies within 0.4 of zero, else
    mixed; null for fewer than 5 models.
    """
    weak = pl.max_horizontal(pl.col("low").abs(), pl.col("high").abs())
    strong = pl.min_horizontal(pl.col("low").abs(), pl.col("high").abs())
    one_sided = pl.col("low") * pl.col("high") > 0
    label = (
        pl.when((pl.col("n") < LEAST_MODELS) | pl.col("low").is_null())
        .then(None)
        .when(one_sided & (strong**2 > DETERMINED))
        .then(pl.lit("capability-determined"))
        .when(weak < SEPARABLE)
        .then(pl.lit("separable"))
        .otherwise(pl.lit("mixed"))
    )
    rows = correlations.filter(pl.col("axis") == "safety", pl.col("population") == POOLED)
    return rows.select("measurement", "score", label.alias("label"), *_INTERVAL, *_COUNTS, "rough")


def _correlated(
    wide: pl.DataFrame, score: pl.Series, score_name: str, names: list[str], draws: int, seed: int
) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """The correlations of some measurements with one score over all models and within families, each family's, and the
    fewest models that a pooled one hangs on.
    """
    rows = wide.filter(score.is_not_null())
    x = score.drop_nulls().cast(pl.Float64).to_numpy()
    cells = [rows[name].cast(pl.Float64).fill_null(np.nan).to_numpy() for name in names]
    columns = np.stack(cells, axis=1) if names else np.empty((len(x), 0))
    families, codes = np.unique(rows["family"].to_numpy().astype(str), return_inverse=True)
    known = bool((families != "").any())
    present = ~np.isnan(columns)
    drawn = (
        bootstrap_spearman(x, columns, codes, draws=draws, rng=np.random.default_rng(seed))
        if len(x)
        else np.empty((0, len(names)))
    )
    frames = [
        _frame(
            names,
            resampled_spearman(x, columns, np.ones((1, len(x))))[0],
            drawn,
            present.sum(axis=0),
            [len(np.unique(codes[held])) for held in present.T] if known else None,
        ).with_columns(population=pl.lit(POOLED))
    ]
    each, sizes = _by_family(x, columns, codes, len(families) if known else 0)
    frames.append(_within(names, each, sizes, draws, seed).with_columns(population=pl.lit(WITHIN)))
    listed = [
        (names[column], str(families[row]), each[row, column], sizes[row, column])
        for row, column in np.argwhere(np.isfinite(each))
    ]
    schema = {"measurement": pl.String, "family": pl.String, "estimate": pl.Float64, "n": pl.Int64}
    by_family = pl.DataFrame(listed, schema=schema, orient="row")
    pooled, by_family = (frame.with_columns(score=pl.lit(score_name)) for frame in (pl.concat(frames), by_family))
    return pooled, by_family, label_fragility(rows["model"].to_list(), x, columns, names, score_name)


def _by_family(x: Array, columns: Array, codes: Labels, families: int) -> tuple[Array, Labels]:
    """Each family's correlations and numbers of models, (families, columns); NaN for fewer than 3 models."""
    each, sizes = np.full((families, columns.shape[1]), np.nan), np.zeros((families, columns.shape[1]), dtype=np.int64)
    for code in range(families):
        members = codes == code
        each[code] = resampled_spearman(x[members], columns[members], np.ones((1, int(members.sum()))))[0]
        sizes[code] = (~np.isnan(columns[members])).sum(axis=0)
    each[sizes < FEWEST_PAIRS] = np.nan
    return each, sizes


def _within(names: list[str], each: Array, sizes: Labels, draws: int, seed: int) -> pl.DataFrame:
    """The mean of the families' correlations, every family alike, resampled over families."""
    held = np.isfinite(each)
    counts = (
        cluster_counts(np.zeros(len(each), dtype=np.int64), draws, np.random.default_rng(seed))
        if len(each)
        else np.empty((0, 0))
    )
    weights = np.concatenate([np.ones((1, len(each))), counts]) if len(each) else np.empty((1, 0))
    total, present = weights @ np.where(held, each, 0.0), weights @ held
    means = np.where(present > 0, total / np.where(present > 0, present, 1), np.nan)
    drawn = np.where(held.sum(axis=0) > 1, means[1:], np.nan)
    return _frame(names, means[0], drawn, np.where(held, sizes, 0).sum(axis=0), held.sum(axis=0))


def _frame(
    names: list[str], estimate: Array, drawn: Array, n: npt.ArrayLike, families: npt.ArrayLike | None
) -> pl.DataFrame:
    low, high = percentile_interval(drawn)
    columns = {"measurement": names, "estimate": estimate, "low": low, "high": high, "n": n, "families": families}
    schema = {"measurement": pl.String, **_INTERVAL, **_COUNTS}
    frame = pl.DataFrame(columns, schema=schema, nan_to_null=True)
    rough = (pl.col("families") < FEW_FAMILIES).fill_null(True)
    return frame.with_columns(rough=rough).filter(pl.col("estimate").is_not_null(), pl.col("n") >= FEWEST_PAIRS)
