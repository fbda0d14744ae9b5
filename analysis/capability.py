"""Capability scores: one number per trained model that says how much it can do, for safety to be held against.

`clean_accuracy` is the logit of the measurement clean/accuracy. `pc1` is the first principal component of every
measurement whose axis is capability. Its weights come from the standard runs alone and are then frozen, so that no
method has a say in the scale it is judged on.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import polars as pl
from scipy.stats import rankdata

from analysis.scales import on_scale
from analysis.schema import TASK, checked
from analysis.tables import BASELINE, CAPABILITY, CAPABILITY_WEIGHTS

Array = npt.NDArray[np.float64]

SCORES = ("clean_accuracy", "pc1")
CLEAN_ACCURACY = "clean/accuracy"
FEWEST_RUNS = 3  # complete standard runs below which a component is noise
LEAST_SHARE = 0.5  # of the standard runs that a measurement must have a value of to be a part of the component
RUN = ("domain", "dataset", "method", "model", "family", "parameters", "flops", "seed", "step")

# Ren et al. (2024), Safetywashing: the capability benchmarks, in the paper's order.
SAFETYWASHING = (
    "logiqa",
    "piqa",
    "hellaswag",
    "winogrande",
    "superglue_copa",
    "medqa_4options",
    "arc_challenge",
    "mmlu",
    "minerva_math",
    "lambada_openai",
    "gsm8k",
    "bbh",
)


def at_last_step(results: pl.DataFrame) -> pl.DataFrame:
    """The rows of every run's last measured step: the trained models, without what was measured on the way."""
    return results.filter(pl.col("step") == pl.col("step").max().over("domain", "dataset", "method", "model", "seed"))


def oriented() -> pl.Expr:
    """The value with its sign turned where lower is better, so that up is always better or safer."""
    return pl.when("higher_is_better").then(pl.col("value")).otherwise(-pl.col("value"))


def capability_scores(results: pl.DataFrame, *, score: str = "pc1", without: str | None = None) -> pl.DataFrame:
    """The capability score of every run at every step, as the table CAPABILITY.

    `without` names a capability measurement to leave out of pc1, so that this measurement can be held against a score
    that doesn't hold it. A measurement that fewer than half of the standard runs have is no part of pc1, and a run that
    lacks one that is has no row. A data set with fewer than 3 complete standard runs has no pc1. Raises ValueError on
    an unknown score or measurement.
    """
    if score == "pc1":
        return _component_scores(results, without)
    if without is not None:
        raise ValueError(f"The score {score!r} is one measurement: nothing can be left out of it (without={without!r})")
    if score == "clean_accuracy":
        return _clean_accuracy(results)
    raise ValueError(f"Unknown capability score {score!r} (expected {' or '.join(map(repr, SCORES))})")


def capability_weights(results: pl.DataFrame, *, without: str | None = None) -> pl.DataFrame:
    """What pc1 is made of, as the table CAPABILITY_WEIGHTS: per measurement the mean and standard deviation over the
    standard runs that standardise it and its weight; `explained` is the component's share of the variance of the
    standardised ranks, in [0, 1]. Measurements that are no part of it: see `without_weight`.
    """
    frames = [CAPABILITY_WEIGHTS.empty()]
    for place, rows in _capability_rows(results, without).partition_by(TASK, as_dict=True, maintain_order=True).items():
        frames.append(_weights_in_place(place, rows, without))
    return checked(pl.concat(frames), CAPABILITY_WEIGHTS)


def without_weight(results: pl.DataFrame, weights: pl.DataFrame) -> pl.DataFrame:
    """The capability measurements that pc1 is not made of: domain, dataset, measurement, `held`, how many standard runs
    have a value, and `standard`, how many have one of any. Where that is half of them or more, the value is the same in
    all runs that pc1 is made of.
    """
    rows = at_last_step(_capability_rows(results, None).filter(pl.col("method") == BASELINE))
    counts = rows.group_by(*TASK, "measurement").agg(held=pl.len())
    runs = rows.select(*TASK, "model", "seed").unique().group_by(TASK).agg(standard=pl.len())
    left = counts.join(weights.filter(score_name="pc1"), on=[*TASK, "measurement"], how="anti")
    return left.join(runs, on=TASK).select(*TASK, "measurement", "held", "standard").sort("measurement")


def score_deviations(results: pl.DataFrame, weights: pl.DataFrame) -> pl.DataFrame:
    """What the component score of each run moves by in draws of the test examples: domain, dataset, method, model,
    seed, score_name and deviations, a list with one number a draw. `results` has a row per run and measurement, with
    the `deviations` of its value; a run that lacks those of a part of the score has no row.
    """
    run = ["domain", "dataset", "method", "model", "seed", "score_name"]
    rows = results.join(weights, on=[*TASK, "measurement"]).filter(pl.col("deviations").is_not_null())
    sign = pl.when("higher_is_better").then(1.0).otherwise(-1.0)
    scaled = rows.with_columns(factor=sign * pl.col("weight") / pl.col("standard_deviation"))
    needed = weights.group_by(*TASK, "score_name").agg(needed=pl.len())
    runs = scaled.group_by(run).agg("deviations", "factor", held=pl.len()).join(needed, on=[*TASK, "score_name"])
    whole = runs.filter(pl.col("held") == pl.col("needed"))
    sums = [
        np.array(factors) @ np.array(deviations)
        for deviations, factors in whole.select("deviations", "factor").iter_rows()
    ]
    return whole.select(*run).with_columns(pl.Series("deviations", sums, dtype=pl.List(pl.Float64)))


def leading_component(matrix: Array) -> tuple[Array, float]:
    """The leading eigenvector (unit length, signed so that its largest entry in magnitude is positive) of the Spearman
    correlation matrix of the columns, and its share of the variance. `matrix` is (rows, columns), complete, no column
    constant.
    """
    ranks = rankdata(matrix, axis=0)
    correlation = np.atleast_2d(np.corrcoef(ranks, rowvar=False))
    values, vectors = np.linalg.eigh(correlation)
    vector = vectors[:, -1]
    return vector * np.sign(vector[np.abs(vector).argmax()]), float(values[-1] / len(values))


def safetywashing_scores(wide: pl.DataFrame, columns: Sequence[str] = SAFETYWASHING) -> tuple[pl.Series, pl.DataFrame]:
    """The capability score of Ren et al. (2024, Safetywashing), one number per row of `wide`, and the weights with the
    share explained.

    `wide` has a row per model and a column per benchmark, signed so that higher is better. Columns are standardised
    over all models (population standard deviation) and weighted by the leading eigenvector of their Spearman
    correlation matrix. Base and chat models are scored apart. Raises ValueError where a capability column is absent,
    holds gaps or is constant.
    """
    absent = [name for name in columns if name not in wide.columns]
    if absent:
        raise ValueError(f"The capability columns {absent} are not in the table")
    unusable = [name for name in columns if wide[name].null_count() or wide[name].n_unique() < 2]
    if unusable:
        raise ValueError(f"The capability columns {unusable} hold gaps or a single value")
    matrix = wide.select(pl.col(columns).cast(pl.Float64)).to_numpy()
    weights, explained = leading_component(matrix)
    standardised = (matrix - matrix.mean(axis=0)) / matrix.std(axis=0)
    frame = pl.DataFrame({"measurement": list(columns), "weight": weights}).with_columns(explained=pl.lit(explained))
    return pl.Series("score", standardised @ weights), frame


def _clean_accuracy(results: pl.DataFrame) -> pl.DataFrame:
    """The accuracy on the scale of proportions, which is finite at 0 and 1."""
    rows = results.filter(pl.col("measurement") == CLEAN_ACCURACY, pl.col("part") == "all")
    value, n = (rows[name].cast(pl.Float64).fill_null(np.nan).to_numpy() for name in ("value", "n"))
    score = pl.Series(on_scale(value, n, "logit", True))
    return checked(rows.select(*RUN, score_name=pl.lit("clean_accuracy"), score=score), CAPABILITY)


def _component_scores(results: pl.DataFrame, without: str | None) -> pl.DataFrame:
    weights = capability_weights(results, without=without)
    rows = _capability_rows(results, without).join(weights, on=[*TASK, "measurement"])
    needed = weights.group_by(TASK).agg(needed=pl.len())
    standardised = (oriented() - pl.col("mean")) / pl.col("standard_deviation")
    scores = (
        rows.group_by(*RUN, "score_name")
        .agg(score=(standardised * pl.col("weight")).sort_by("measurement").sum(), held=pl.len())
        .join(needed, on=TASK)
        .filter(pl.col("held") == pl.col("needed"))
    )
    return checked(scores.select(*CAPABILITY.columns), CAPABILITY)


def _capability_rows(results: pl.DataFrame, without: str | None) -> pl.DataFrame:
    rows = results.filter(pl.col("axis") == "capability", pl.col("part") == "all")
    names = rows["measurement"].unique().sort().to_list()
    if without is not None and without not in names:
        raise ValueError(
            f"{without!r} is not a capability measurement of this study (expected one of: {', '.join(names)})"
        )
    return rows.filter(pl.col("measurement") != without) if without is not None else rows


def _weights_in_place(place: tuple[object, ...], rows: pl.DataFrame, without: str | None) -> pl.DataFrame:
    standard = at_last_step(rows.filter(pl.col("method") == BASELINE)).with_columns(value=oriented())
    wide = standard.pivot(on="measurement", index=["model", "seed"], values="value", sort_columns=True)
    wide = wide.drop("model", "seed")
    wide = wide.select(name for name in wide.columns if wide[name].count() >= LEAST_SHARE * len(wide)).drop_nulls()
    names = [name for name in wide.columns if wide[name].n_unique() > 1]
    if len(wide) < FEWEST_RUNS or not names:
        return CAPABILITY_WEIGHTS.empty()
    matrix = wide.select(names).to_numpy()
    weights, explained = leading_component(matrix)
    return pl.DataFrame(
        {
            "measurement": names,
            "mean": matrix.mean(axis=0),
            "standard_deviation": matrix.std(axis=0),
            "weight": weights * (1.0 if weights.sum() >= 0 else -1.0),
        }
    ).select(
        domain=pl.lit(place[0], dtype=pl.String),
        dataset=pl.lit(place[1], dtype=pl.String),
        score_name=pl.lit("pc1" if without is None else f"pc1 without {without}"),
        measurement="measurement",
        mean="mean",
        standard_deviation="standard_deviation",
        weight="weight",
        explained=pl.lit(explained),
    )
