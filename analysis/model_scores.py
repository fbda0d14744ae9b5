"""Capability scores of models measured elsewhere, a number for each; what they are made of is of baseline models alone.

`pc1` is the first principal component of the capability measurements, kept by a model that lacks some of them
(`analysis.sparse_component`). `mean` is the plain mean of their z-scores, of models that have all. `safetywashing` is
the score of Ren et al. (2024). A measurement, `flops` or `parameters` is a score by itself.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

import numpy as np
import polars as pl

from analysis.capability import oriented, safetywashing_scores
from analysis.scales import Floats
from analysis.schema import Table
from analysis.sparse_component import enough, sparse_component
from analysis.tables import BASELINE
from analysis.words import several

SCALES = ("flops", "parameters")
COMPONENT, MEAN, SAFETYWASHING = "pc1", "mean", "safetywashing"
MOST_NAMED = 8

SCORES = Table(
    name="capability",
    columns={
        "model": pl.String,
        "score_name": pl.String,
        "score": pl.Float64,
        "standard_error": pl.Float64,  # of what its missing measurements leave open; 0 where none is missing
    },
    key=("score_name", "model"),
)
WEIGHTS = Table(
    name="capability_weights",
    columns={"score_name": pl.String, "measurement": pl.String, "weight": pl.Float64, "explained": pl.Float64},
    key=("score_name", "measurement"),
    nullable=("explained",),
)


@dataclass
class ModelScores:
    """`values` has a row per model: model, and a column for each score. `errors` has those of its columns that have
    any. `weights` is the table WEIGHTS; `notes` says who has no score.
    """

    values: pl.DataFrame
    errors: Mapping[str, pl.Series] = field(default_factory=dict)
    weights: pl.DataFrame = field(default_factory=WEIGHTS.empty)
    notes: list[str] = field(default_factory=list)

    def table(self) -> pl.DataFrame:
        """The scores as rows, as the table SCORES."""
        parts = [
            self.values.select(
                "model",
                pl.lit(name).alias("score_name"),
                pl.col(name).cast(pl.Float64).alias("score"),
                self.errors.get(name, pl.repeat(0.0, len(self.values), eager=True)).alias("standard_error"),
            )
            for name in self.values.columns[1:]
        ]
        return pl.concat(parts).drop_nulls("score").select(*SCORES.columns)


def wide_table(results: pl.DataFrame) -> tuple[pl.DataFrame, dict[str, str]]:
    """A row per model with family, scales and oriented measurements, and the axis of each measurement. Where families
    are known of some models, each of the others is a family of its own.
    """
    about = results.group_by("measurement").agg(pl.col("axis").first()).sort("axis", "measurement")
    axes = dict(about.iter_rows())
    rows = results.select(
        "model", "family", *(pl.col(name).alias(f" {name}") for name in SCALES), "measurement", value=oriented()
    )
    index = ["model", "family", *(f" {name}" for name in SCALES)]
    wide = rows.pivot(on="measurement", index=index, values="value").sort("model")
    if (wide["family"] != "").any():
        own = pl.when(pl.col("family") == "").then("model").otherwise("family")
        wide = wide.with_columns(family=own)
    for name in SCALES:
        if name not in axes and wide[f" {name}"].is_not_null().any():
            wide = wide.with_columns(pl.col(f" {name}").cast(pl.Float64).alias(name))
            axes[name] = "scale"
    return wide, axes


def baselines(results: pl.DataFrame) -> set[str]:
    """The baseline models of the results."""
    return set(results.filter(method=BASELINE)["model"])


def model_scores(wide: pl.DataFrame, axes: Mapping[str, str], score: str, fitted: Collection[str]) -> ModelScores:
    """The score by name, and for pc1 those without one capability measurement each. `fitted`: the baseline models.

    Raises ValueError where there is no such score.
    """
    capability = [name for name, axis in axes.items() if axis == "capability"]
    if score == SAFETYWASHING:
        values, weights = safetywashing_scores(wide, capability)
        named = weights.select(pl.lit(score).alias("score_name"), pl.all())
        return ModelScores(wide.select("model", values.alias(score)), weights=named)
    rows = wide["model"].is_in(list(fitted)).to_numpy()
    if not rows.any() and score not in axes:
        raise ValueError(f"No {score}: no row is a baseline model, whose method and baseline are both empty")
    if score == COMPONENT:
        return _components(wide, capability, rows)
    if score == MEAN:
        return _means(wide, capability, rows)
    if score not in axes:
        if score in SCALES:
            raise ValueError(f"no score {score!r}: no model has its {score}")
        names = ", ".join(map(repr, (COMPONENT, MEAN, SAFETYWASHING, *SCALES)))
        raise ValueError(f"{score!r} is no capability score: one of {names}, or a measurement")
    return ModelScores(wide.select("model", score))


def _components(wide: pl.DataFrame, capability: list[str], fitted: np.ndarray) -> ModelScores:
    found = ModelScores(wide.select("model"))
    errors, parts = {}, [WEIGHTS.empty()]
    for left_out in (None, *(capability if len(capability) > 1 else [])):
        name = COMPONENT if left_out is None else f"{COMPONENT} without {left_out}"
        columns = [each for each in capability if each != left_out]
        component = sparse_component(_matrix(wide, columns), fitted)
        if component is None and left_out is None:
            of = f"{enough(len(columns))} of the {len(columns)} capability measurements"
            raise ValueError(f"No {COMPONENT}: fewer than 3 baseline models have {of}, of which at least one varies")
        if component is None:
            continue
        found.values = found.values.with_columns(pl.Series(name, component.scores).fill_nan(None))
        errors[name] = pl.Series(component.errors).fill_nan(None)
        used = [columns[k] for k in component.columns]
        part = pl.DataFrame({"measurement": used, "weight": component.weights})
        parts.append(_named(part, name, component.explained))
        if left_out is None:
            found.notes += _about_gaps(wide["model"].to_list(), component.held, used)
            found.notes += [
                f"{COMPONENT}: {each} is the same for all scored baseline models that have it, and takes no part"
                for each in capability
                if each not in used
            ]
    found.errors, found.weights = errors, pl.concat(parts)
    return found


def _about_gaps(models: list[str], held: np.ndarray, columns: list[str]) -> list[str]:
    """How many models have how many of the measurements, and which are left out for having too few."""
    size, least = len(columns), enough(len(columns))
    some, few = (
        int(((held < size) & (held >= least)).sum()),
        [m for m, n in zip(models, held, strict=True) if n < least],
    )
    if not some and not few:
        return []
    all_of_them = f"{int((held == size).sum())} of {len(models)} models have all"
    said = [f"{COMPONENT}: {all_of_them} {several(size, 'capability measurement')}"]
    said += [f"{some} are scored from at least {least} of them"] * bool(some)
    said += [f"{len(few)} are left out with fewer than {least}: {_listed(few)}"] * bool(few)
    return ["; ".join(said)]


def _means(wide: pl.DataFrame, capability: list[str], fitted: np.ndarray) -> ModelScores:
    matrix = _matrix(wide, capability)
    whole = np.isfinite(matrix).all(1) & fitted
    if not capability or not whole.any():
        raise ValueError(f"No {MEAN}: no baseline model has all of the {len(capability)} capability measurements")
    means, deviations = matrix[whole].mean(0), matrix[whole].std(0)
    constant = [name for name, deviation in zip(capability, deviations, strict=True) if deviation == 0]
    if constant:
        raise ValueError(f"No {MEAN}: {_listed(constant)} is the same for all baseline models that have every one")
    values = pl.Series(MEAN, ((matrix - means) / deviations).mean(1)).fill_nan(None)
    gone = wide["model"].filter(values.is_null()).to_list()
    lack = several(len(gone), "model") + (" lacks" if len(gone) == 1 else " lack")
    notes = [f"{MEAN}: {lack} a capability measurement, and so a score: {_listed(gone)}"]
    weights = pl.DataFrame({"measurement": capability, "weight": [1 / len(capability)] * len(capability)})
    return ModelScores(wide.select("model", values), {}, _named(weights, MEAN, None), notes * bool(gone))


def _named(weights: pl.DataFrame, name: str, explained: float | None) -> pl.DataFrame:
    about = {"score_name": pl.lit(name), "explained": pl.lit(explained, dtype=pl.Float64)}
    return weights.with_columns(**about).select(*WEIGHTS.columns)


def _listed(names: list[str]) -> str:
    return ", ".join(names[:MOST_NAMED]) + (f", and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else "")


def _matrix(wide: pl.DataFrame, columns: list[str]) -> Floats:
    """The columns as numbers [model, column], NaN where missing."""
    if not columns:
        return np.empty((len(wide), 0))
    return np.asarray(wide.select(pl.col(columns).cast(pl.Float64).fill_null(np.nan)).to_numpy())
