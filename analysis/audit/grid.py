"""One data set's results as arrays [method, model, seed, measurement], with the capability score beside them."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from analysis.audit.settings import AuditSettings
from analysis.scales import Floats, counted, deviations_on_scale, error_on_scale, guessed_range, on_scale, scale_of

Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]

RUN = ["domain", "dataset", "method", "model", "seed", "step"]
SCORES = {
    "domain": pl.String,
    "dataset": pl.String,
    "method": pl.String,
    "model": pl.String,
    "family": pl.String,
    "seed": pl.Int64,
}
SCORES |= {"step": pl.Int64, "score": pl.Float64}


@dataclass(frozen=True)
class Grid:
    """Results of one data set. Method 0 is the baseline; what was not measured is NaN."""

    domain: str
    dataset: str
    methods: list[str]
    models: list[str]
    families: Ints  # [model]
    measurements: (
        pl.DataFrame
    )  # measurement, metric, condition, axis, pillar, higher_is_better, scale, share; one row per last index
    value: Floats  # [method, model, seed, measurement], as measured
    y: Floats  # the same on the oriented scale
    error: Floats  # standard errors over test examples on the oriented scale
    n: Floats  # numbers of test examples that values are shares of; NaN of others
    deviations: (
        Floats | None
    )  # [method, model, seed, measurement, then capability, draw of the test examples], oriented
    flagged: Bools
    blocked: Bools
    capability: Floats  # [method, model, seed]
    flops: Floats  # [method, model, seed], log2; NaN where the audit compares at equal epochs alone
    scale: Floats  # [model], log2 of the baseline's training FLOPs, or of its parameters where no FLOPs are stored

    def without_flagged(self) -> "Grid":
        """The same grid with every flagged value removed."""
        return replace(self, y=np.where(self.flagged, np.nan, self.y), value=np.where(self.flagged, np.nan, self.value))


def grids(results: pl.DataFrame, scores: pl.DataFrame, settings: AuditSettings) -> list[Grid]:
    """One grid per domain and data set, from each run's last step and the rows whose part is `all`.

    Raises ValueError where the baseline is not among a data set's methods, or the scores lack a column or repeat a run.
    """
    check_scores(scores)
    last = results.filter(pl.col("part") == "all").filter(pl.col("step") == pl.col("step").max().over(RUN[:-1]))
    beside = [pl.col("deviations").alias("score_deviations")] if "deviations" in scores.columns else []
    joined = last.join(scores.select(*RUN, "score", *beside), on=RUN, how="left", validate="m:1")
    return [_grid(part, settings) for _, part in joined.group_by("domain", "dataset", maintain_order=True)]


def masked_means(values: Floats, keep: Bools) -> Floats:
    """The mean of each row over the second axis, of what is kept [row, second axis]; the further axes stay."""
    mask = keep.reshape(keep.shape + (1,) * (values.ndim - 2))
    return np.asarray(np.where(mask, values, 0.0).sum(1) / mask.sum(1))


def check_scores(scores: pl.DataFrame) -> None:
    """Raises ValueError where the frame is not one capability score per run and step."""
    missing = [name for name in SCORES if name not in scores.columns]
    if missing:
        raise ValueError(f"scores: missing columns {missing}")
    repeated = scores.filter(pl.struct(RUN).is_duplicated())
    if len(repeated):
        raise ValueError(
            f"scores: {len(repeated)} rows share a run, the first {repeated.select(RUN).row(0, named=True)}"
        )


def _grid(rows: pl.DataFrame, settings: AuditSettings) -> Grid:
    domain, dataset = rows.row(0, named=True)["domain"], rows.row(0, named=True)["dataset"]
    methods = sorted(rows["method"].unique())
    if settings.baseline not in methods:
        raise ValueError(f"{domain}/{dataset}: no run of the baseline {settings.baseline!r} among {', '.join(methods)}")
    methods = [settings.baseline, *(name for name in methods if name != settings.baseline)]
    families = dict(rows.select("model", "family").unique().sort("model").iter_rows())
    names = sorted(set(families.values()))
    about = _measurements(rows, settings)
    axes = {"method": methods, "model": list(families), "seed": sorted(rows["seed"].unique())}
    axes["measurement"] = list(about["measurement"])
    index = tuple(_positions(rows[name], values) for name, values in axes.items())
    shape = tuple(len(values) for values in axes.values())
    value, n, error = (_dense(rows[name], index, shape) for name in ("value", "n", "standard_error"))
    n = counted(n, about["share"].to_numpy())
    y, spread = np.full(shape, np.nan), np.zeros(shape)
    for m, (scale, higher) in enumerate(about.select("scale", "higher_is_better").iter_rows()):
        y[..., m] = on_scale(value[..., m], n[..., m], scale, higher)
        spread[..., m] = error_on_scale(value[..., m], error[..., m], n[..., m], scale)
    flops, parameters = (np.log2(_dense(rows[name], index[:3], shape[:3])) for name in ("flops", "parameters"))
    return Grid(
        domain=domain,
        dataset=dataset,
        methods=methods,
        models=list(families),
        families=np.array([names.index(family) for family in families.values()]),
        measurements=about,
        value=value,
        y=y,
        error=spread,
        n=n,
        deviations=_deviations(rows, index, value, n, about),
        flagged=_dense(rows["flags"].str.strip_chars() != "", index, shape) == 1,
        blocked=_dense(_carries(rows["flags"], settings.blocking_flags), index, shape) == 1,
        capability=_dense(rows["score"], index[:3], shape[:3]),
        flops=flops if settings.equal_flops else np.full_like(flops, np.nan),
        scale=_first_known(flops[0] if np.isfinite(flops[0]).any() else parameters[0]),
    )


def _deviations(
    rows: pl.DataFrame, index: tuple[Ints, ...], value: Floats, n: Floats, about: pl.DataFrame
) -> Floats | None:
    if "deviations" not in rows.columns or not rows["deviations"].list.len().max():
        return None
    draws = int(rows["deviations"].list.len().max())  # type: ignore[arg-type]
    found = np.full((*value.shape, draws), np.nan)
    _fill(found, rows["deviations"], index)
    for m, (scale, higher) in enumerate(about.select("scale", "higher_is_better").iter_rows()):
        found[..., m, :] = deviations_on_scale(found[..., m, :], value[..., m], n[..., m], scale, higher)
    of_score = np.full((*value.shape[:-1], draws), np.nan)
    if "score_deviations" in rows.columns:
        _fill(of_score, rows["score_deviations"], index[:3])
    return np.concatenate([found, of_score[..., None, :]], axis=-2)


def _fill(array: Floats, lists: pl.Series, index: tuple[Ints, ...]) -> None:
    known = lists.is_not_null().to_numpy()
    array[tuple(which[known] for which in index)] = np.array(lists.drop_nulls().to_list()).reshape(-1, array.shape[-1])


def _measurements(rows: pl.DataFrame, settings: AuditSettings) -> pl.DataFrame:
    columns = ["metric", "condition", "axis", "pillar", "higher_is_better", "lower", "upper"]
    about = rows.group_by("measurement").agg(pl.col(columns).first(), pl.col("value")).sort("measurement")
    scales, shares = [], []
    for row in about.iter_rows(named=True):
        lower, upper = _range(row)
        scales.append(settings.transforms.get(row["metric"]) or scale_of(lower, upper, row["higher_is_better"]))
        shares.append((lower, upper) == (0, 1))
    found = (pl.Series("scale", scales, dtype=pl.String), pl.Series("share", shares, dtype=pl.Boolean))
    return about.drop("value", "lower", "upper").with_columns(*found)


def _range(about: dict[str, Any]) -> tuple[float, float]:
    """The range of a measurement: that which its metric declares, else guessed from its values."""
    if about["lower"] is None or about["upper"] is None:
        return guessed_range(np.array(about["value"]))
    return about["lower"], about["upper"]


def _carries(flags: pl.Series, names: tuple[str, ...]) -> pl.Series:
    """Whether a comma-separated list holds one of the names; underscores and spaces read as hyphens."""
    plain = pl.element().str.strip_chars().str.to_lowercase().str.replace_all("[_ ]", "-")
    return flags.str.split(",").list.eval(plain.is_in(list(names))).list.any()


def _positions(column: pl.Series, values: list[object]) -> Ints:
    return column.replace_strict(values, range(len(values)), return_dtype=pl.Int64).to_numpy()


def _dense(column: pl.Series, index: tuple[Ints, ...], shape: tuple[int, ...]) -> Floats:
    array = np.full(shape, np.nan)
    array[index] = column.cast(pl.Float64).fill_null(np.nan).to_numpy()
    return array


def _first_known(values: Floats) -> Floats:
    return np.array([next((float(v) for v in row if np.isfinite(v)), np.nan) for row in values])
