"""How safety measurements move with capability, in three populations that are never mixed up.

`ladder`: the standard runs, over scale. `methods`: across methods at a fixed model, averaged over models. `pooled`:
every run. A correlation's sign depends on the population: over scale both may rise while methods trade one for the
other.
"""

import numpy as np
import numpy.typing as npt
import polars as pl

from analysis.bootstrap import blocks, bootstrap_spearman, cluster_counts, percentile_interval, resampled_spearman
from analysis.capability import at_last_step, oriented
from analysis.schema import checked
from analysis.tables import BASELINE, CORRELATIONS

Array = npt.NDArray[np.float64]

FEW_FAMILIES = 8  # below this many clusters a cluster bootstrap's interval is too narrow to be taken at its word
FEWEST_PAIRS = 3


def capability_correlation(
    results: pl.DataFrame, scores: pl.DataFrame, *, draws: int = 2000, rng: np.random.Generator
) -> pl.DataFrame:
    """Spearman's correlation of every safety measurement with every capability score, as the table CORRELATIONS.

    Values are turned so that up is safer: a positive correlation means safer where more capable. `results` and `scores`
    are the tables RESULTS and CAPABILITY; each run counts at its last step. Ties get average ranks; a run without the
    measurement is left out of that pair of columns alone. The 95 % interval is the percentile bootstrap's. In `ladder`
    and `pooled` it resamples model families, then runs within them; in `methods` families, then models, and the methods
    themselves, the same for all models. A correlation that can't be had (fewer than 3 pairs, or a constant) is an
    absent row.
    """
    safety = at_last_step(results).filter(pl.col("axis") == "safety", pl.col("part") == "all")
    run = ["domain", "dataset", "method", "model", "family", "seed"]
    rows = safety.select(*run, "step", "measurement", "pillar", value=oriented()).join(
        scores.select(*run, "step", "score_name", "score"), on=[*run, "step"]
    )
    frames = [CORRELATIONS.empty()]
    for key, group in rows.partition_by("domain", "dataset", "score_name", as_dict=True, maintain_order=True).items():
        place = dict(zip(("domain", "dataset", "score_name"), key, strict=True))
        frames.append(
            _correlations_in_place(group, draws, rng).with_columns(**{k: pl.lit(v) for k, v in place.items()})
        )
    return checked(pl.concat([frame.select(*CORRELATIONS.columns) for frame in frames]), CORRELATIONS)


def _correlations_in_place(rows: pl.DataFrame, draws: int, rng: np.random.Generator) -> pl.DataFrame:
    index = ["method", "model", "family", "seed", "score"]
    wide = rows.sort(*index, "measurement").pivot(on="measurement", index=index, values="value", sort_columns=True)
    names = wide.columns[len(index) :]
    pillars = rows.group_by("measurement").agg(pl.col("pillar").first())
    ladder = wide.filter(pl.col("method") == BASELINE)
    populations = {
        "ladder": _over_runs(ladder, names, draws, rng),
        "methods": _over_methods(wide, names, draws, rng),
        "pooled": _over_runs(wide, names, draws, rng),
    }
    frames = [frame.with_columns(population=pl.lit(population)) for population, frame in populations.items()]
    return (
        pl.concat(frames)
        .with_columns(rough=pl.col("families") < FEW_FAMILIES)
        .join(pillars, on="measurement", how="left", maintain_order="left")
    )


def _over_runs(wide: pl.DataFrame, names: list[str], draws: int, rng: np.random.Generator) -> pl.DataFrame:
    """Over runs as the rows: measurement, estimate, low, high, n, families."""
    score, columns = wide["score"].to_numpy(), _matrix(wide, names)
    families = _codes(wide["family"])
    estimate = resampled_spearman(score, columns, np.ones((1, len(wide))))[0]
    drawn = bootstrap_spearman(score, columns, families, draws=draws, rng=rng) if len(wide) else estimate[None]
    present = ~np.isnan(columns)
    counts = [(int(rows.sum()), len(np.unique(families[rows]))) for rows in present.T]
    return _frame(names, estimate, drawn, counts)


def _over_methods(wide: pl.DataFrame, names: list[str], draws: int, rng: np.random.Generator) -> pl.DataFrame:
    """Across methods: every model's correlation over its methods' means over seeds, averaged over the models that have
    one.
    """
    cells = (
        wide.group_by("model", "family", "method").agg(pl.col("score", *names).mean()).sort("family", "model", "method")
    )
    models = cells.select("model", "family").unique(maintain_order=True)
    of_model, of_method = _codes(cells["model"]), _codes(cells["method"])
    score, columns = cells["score"].to_numpy(), _matrix(cells, names)
    usable = np.zeros(columns.shape, dtype=bool)
    for code in np.unique(of_model):
        rows = of_model == code
        usable[rows] = ~np.isnan(columns[rows]) & ((~np.isnan(columns[rows])).sum(axis=0) >= FEWEST_PAIRS)
    columns = np.where(usable, columns, np.nan)
    model_codes = np.unique(of_model, return_index=True)[1]
    families = _codes(cells["family"])[model_codes]

    def averaged(method_counts: Array, model_counts: Array) -> Array:
        total, weight = np.zeros((len(method_counts), len(names))), np.zeros((len(method_counts), len(names)))
        for code in range(len(models)):
            rows = of_model == code
            each = resampled_spearman(score[rows], columns[rows], method_counts[:, of_method[rows]])
            total += np.where(np.isnan(each), 0, each) * model_counts[:, [code]]
            weight += ~np.isnan(each) * model_counts[:, [code]]
        return np.where(weight > 0, total / np.where(weight > 0, weight, 1), np.nan)

    methods = np.arange(of_method.max(initial=-1) + 1)
    estimate = averaged(np.ones((1, len(methods))), np.ones((1, len(models))))[0]
    drawn = [
        averaged(cluster_counts(np.zeros_like(methods), block, rng), cluster_counts(families, block, rng))
        for block in blocks(draws)
        if len(cells)
    ]
    counts = [(int(rows.sum()), len(np.unique(_codes(cells["family"])[rows]))) for rows in usable.T]
    return _frame(names, estimate, np.concatenate([np.empty((0, len(names))), *drawn]), counts)


def _frame(names: list[str], estimate: Array, drawn: Array, counts: list[tuple[int, int]]) -> pl.DataFrame:
    low, high = percentile_interval(drawn)
    return pl.DataFrame(
        {
            "measurement": names,
            "estimate": estimate,
            "low": low,
            "high": high,
            "n": [n for n, _ in counts],
            "families": [families for _, families in counts],
        },
        schema_overrides={"measurement": pl.String, "n": pl.Int64, "families": pl.Int64},
        nan_to_null=True,
    ).filter(pl.col("estimate").is_not_null(), pl.col("n") >= FEWEST_PAIRS)


def _matrix(frame: pl.DataFrame, names: list[str]) -> Array:
    """The named columns as (rows, columns), gaps as NaN."""
    return np.stack([frame[name].cast(pl.Float64).fill_null(np.nan).to_numpy() for name in names], axis=1)


def _codes(values: pl.Series) -> npt.NDArray[np.int64]:
    """Integers 0, 1, ... that stand for the distinct values, in their order."""
    return np.unique(values.to_numpy(), return_inverse=True)[1].astype(np.int64)
