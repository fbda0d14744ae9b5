"""The audit of pairs measured elsewhere: the same tests, families of claims and labels as of a trained study."""

from dataclasses import dataclass

import numpy as np
import polars as pl

from analysis.audit.claims import claims
from analysis.audit.estimation import Estimated
from analysis.audit.grid import Grid, grids
from analysis.audit.ladder import curve_frame
from analysis.audit.margins import margin_frame
from analysis.audit.removals import without
from analysis.audit.schema import ESTIMATES, FRAGILITY, GATES, LADDER, MARGINS, VERDICTS, conformed
from analysis.audit.settings import AuditSettings
from analysis.audit.weights import stratified_weights
from analysis.model_scores import MEAN
from analysis.pairs.effects import Pairs, beyond, difference, line, mean_change, outside
from analysis.pairs.estimation import Found, Paired, estimated, ladder_of, rows_of
from analysis.pairs.fragility import family_fragility
from analysis.pairs.gates import gate_frame
from analysis.pairs.item_variances import ITEM_VARIANCES
from analysis.pairs.items import ITEM_PAIRS, with_items
from analysis.pairs.structure import LEFT_OUT, PAIRS, Structure
from analysis.schema import CLAIM, Table, checked
from analysis.tables import BASELINE

_ESTIMATES = ("total", "capability", "beyond", "beyond_standard_error", "beyond_low", "beyond_high", "slope")
_COUNTS = ("pairs", "families", "total_n", "capability_n", "beyond_n", "outside_ladder")
EFFECTS = Table(
    name="effects",
    columns={
        "method": pl.String,
        "measurement": pl.String,
        "pairs": pl.Int64,
        "families": pl.Int64,  # of the pairs
        "total": pl.Float64,  # T; of the plain recipe in the measurement's own unit and sign, else as the audit has it
        "total_n": pl.Int64,  # pairs with the cells that an estimate needs
        "capability": pl.Float64,  # E, in units of the capability score
        "capability_n": pl.Int64,
        "beyond": pl.Float64,  # D
        "beyond_n": pl.Int64,
        "beyond_standard_error": pl.Float64,  # by the delete-one-family jackknife
        "beyond_low": pl.Float64,  # 95 %
        "beyond_high": pl.Float64,
        "slope": pl.Float64,  # of the ladder, where it is a line
        "outside_ladder": pl.Int64,  # pairs of the cells of D with a score outside the ladder's range
    },
    key=("method", "measurement"),
    nullable=(*_ESTIMATES, "outside_ladder"),
)
BY_ITEM = (ITEM_PAIRS, ITEM_VARIANCES)
AUDITED = (EFFECTS, PAIRS, LEFT_OUT, VERDICTS, FRAGILITY, ESTIMATES, LADDER, GATES, MARGINS, *BY_ITEM)
RUN = ("domain", "dataset", "method", "model", "family", "seed", "step")


@dataclass(frozen=True)
class Question:
    """What is asked of a table: its rows, the structure of their pairs, and each model's capability score by name."""

    results: pl.DataFrame  # RESULTS, every row a model's under the baseline's name
    structure: Structure
    scores: pl.DataFrame  # model, score
    score: str  # its name
    items: pl.DataFrame | None = None  # ITEMS, where scores of items are known


def audit_pairs(asked: Question, settings: AuditSettings) -> dict[str, pl.DataFrame]:
    """The tables of AUDITED by name, those of BY_ITEM where scores of items are known. `--score mean` has its effects
    by the plain recipe: own units and signs, a line, every pair, no items; its verdicts are the audit's, on the same
    score. The same input gives the same tables.
    """
    paired = _paired(asked, settings)
    by_item = {}
    if asked.items is not None:
        paired, *tables = with_items(paired, asked.items, settings)
        by_item = {table.name: frame for table, frame in zip(BY_ITEM, tables, strict=True)}
    margins = margin_frame(without(paired.grid, paired.rungs, np.ones(1, bool)), settings)
    found = estimated(paired, settings)
    with_pairs = [each for each in found if len(paired.methods[each.method].models)]
    rows = rows_of(paired, with_pairs, margins, settings)
    gates = gate_frame(paired, with_pairs, settings)
    plain = asked.score == MEAN
    verdicts = _verdicts(paired, rows, gates, settings)
    return {
        EFFECTS.name: _plain_effects(paired, asked) if plain else _effects(paired, asked, found, rows),
        PAIRS.name: asked.structure.pairs,
        LEFT_OUT.name: asked.structure.left_out,
        VERDICTS.name: verdicts,
        FRAGILITY.name: family_fragility(paired, verdicts, margins, settings),
        ESTIMATES.name: conformed(rows, ESTIMATES),
        LADDER.name: _curves(paired, settings),
        GATES.name: conformed(gates, GATES),
        MARGINS.name: conformed(margins, MARGINS),
        **by_item,
    }


def _paired(asked: Question, settings: AuditSettings) -> Paired:
    """The question as arrays: a row for each model that has a value."""
    results = asked.results.with_columns(method=pl.lit(BASELINE))
    scores = results.select(RUN).unique().join(asked.scores.drop_nulls(), on="model")
    grid = grids(results, scores, settings)[0]
    pairs, rungs = asked.structure.pairs, asked.structure.rungs
    names = dict(zip(pairs["model"], pairs["family"], strict=True)) | rungs
    numbers = {family: number for number, family in enumerate(sorted(set(names.values())))}
    at = pl.DataFrame({"model": grid.models, "row": range(len(grid.models))}, schema_overrides={"row": pl.Int64})
    found = (
        pairs.join(at, on="model", maintain_order="left")
        .join(at.rename({"model": "baseline", "row": "base"}), on="baseline", maintain_order="left")
        .with_columns(pl.col("family").replace_strict(numbers, return_dtype=pl.Int64))
    )
    methods = {}
    for method in asked.structure.methods:
        own = found.filter(method=method)
        methods[method] = Pairs(*(own[name].to_numpy() for name in ("row", "base", "family")))
    families = np.array([numbers[names[name]] if name in names else -1 for name in grid.models], dtype=np.int64)
    return Paired(grid, np.array([name in rungs for name in grid.models]), families, methods, list(numbers))


def _plain_effects(paired: Paired, asked: Question) -> pl.DataFrame:
    """By the plain recipe: T, E and D over all pairs, in the measurement's own unit and sign, on an ordinary line."""
    rows = []
    for column in _safety(paired.grid):
        y = paired.value(column)
        ladder = line(paired.score, y, paired.rungs, paired.families)
        for method, pairs in paired.methods.items():
            total, capability = difference(y, pairs), difference(paired.score, pairs)
            row = _counted(paired, asked.structure.pairs, method, column)
            row |= {"total": total.point, "total_n": total.pairs, "beyond_n": 0}
            row |= {"capability": capability.point, "capability_n": capability.pairs}
            if ladder is not None:
                d = beyond(y, paired.score, pairs, ladder)
                cells = np.isfinite(pairs.change(y)) & np.isfinite(pairs.change(paired.score))
                beside = int((outside(paired.score, pairs, ladder) & cells).sum())
                low, high = d.interval
                row |= {"beyond": d.point, "beyond_n": d.pairs, "beyond_standard_error": d.error, "beyond_low": low}
                row |= {"beyond_high": high, "slope": ladder.terms[None][0], "outside_ladder": beside}
            rows.append(row)
    return _effects_frame(rows)


def _effects(paired: Paired, asked: Question, found: list[Found], tested: pl.DataFrame) -> pl.DataFrame:
    """As the audit has them."""
    ends = {
        (row["method"], row["measurement"]): (row["beyond_lower"], row["beyond_upper"])
        for row in tested.iter_rows(named=True)
    }
    rows = []
    for each in found:
        if each.column not in _safety(paired.grid):
            continue
        row = _counted(paired, asked.structure.pairs, each.method, each.column)
        low, high = ends.get((each.method, str(row["measurement"])), (None, None))
        row |= {"total": each.total.point, "total_n": each.total.pairs, "capability": each.capability.point}
        row |= {"capability_n": each.capability.pairs, "beyond": each.beyond.point, "beyond_n": each.beyond.pairs}
        row |= {"beyond_standard_error": each.beyond.error, "beyond_low": low, "beyond_high": high}
        row |= {"slope": each.slope, "outside_ladder": None if each.ladder is None else each.cells - each.covered}
        rows.append(row)
    return _effects_frame(rows)


def _effects_frame(rows: list[dict[str, object]]) -> pl.DataFrame:
    frame = pl.DataFrame(rows, schema=EFFECTS.columns, nan_to_null=True)
    return checked(frame.with_columns(pl.col(pl.Float64).fill_nan(None)), EFFECTS)


def _counted(paired: Paired, pairs: pl.DataFrame, method: str, column: int) -> dict[str, object]:
    own = pairs.filter(method=method)
    about = {"method": method, "measurement": paired.grid.measurements["measurement"][column]}
    return about | {"pairs": len(own), "families": own["family"].n_unique()}


def _safety(grid: Grid) -> list[int]:
    return [column for column, axis in enumerate(grid.measurements["axis"]) if axis == "safety"]


def _verdicts(paired: Paired, rows: pl.DataFrame, gates: pl.DataFrame, settings: AuditSettings) -> pl.DataFrame:
    if rows.is_empty():
        return VERDICTS.empty()
    about = _about(paired)
    found = Estimated(rows.with_row_index("draw"), np.zeros((0, len(rows))), gates, pl.DataFrame())
    verdicts, _ = claims([found], gates, about["measurement"].to_list(), settings)
    beside = verdicts.with_columns(
        area=pl.col("measurement"),
        placebo=pl.col("method").is_in(settings.placebos),
        alpha=pl.lit(settings.alpha),
        false_discovery_rate=pl.lit(settings.false_discovery_rate),
    )
    whole = beside.join(about, on="measurement", how="left").join(_differences(paired), on=CLAIM[2:], how="left")
    return conformed(whole, VERDICTS).sort(CLAIM)


def _about(paired: Paired) -> pl.DataFrame:
    """The scale and direction of each safety measurement, and the mean of the baseline models."""
    means = [
        float(np.nanmean(v)) if np.isfinite(v := paired.value(k)[paired.rungs]).any() else None
        for k in _safety(paired.grid)
    ]
    frame = paired.grid.measurements[_safety(paired.grid)].select("measurement", "higher_is_better", "scale")
    return frame.with_columns(baseline=pl.Series(means, dtype=pl.Float64))


def _differences(paired: Paired) -> pl.DataFrame:
    """The mean differences as measured, up is safer."""
    rows = []
    for column in _safety(paired.grid):
        about = paired.grid.measurements.row(column, named=True)
        sign = 1.0 if about["higher_is_better"] else -1.0
        for method, pairs in paired.methods.items():
            rows.append(
                (
                    method,
                    about["measurement"],
                    sign * mean_change(paired.change(column, pairs, measured=True), pairs).point,
                )
            )
    schema = {"method": pl.String, "measurement": pl.String, "difference": pl.Float64}
    return pl.DataFrame(rows, schema=schema, orient="row").fill_nan(None)


def _curves(paired: Paired, settings: AuditSettings) -> pl.DataFrame:
    """The ladders, for plotting."""
    weights, _ = stratified_weights(paired.grid.families, settings.draws, np.random.default_rng(0))
    curves = [
        curve_frame(ladder, paired.grid, np.array([column]), weights[:, ladder.rungs])
        for column in _safety(paired.grid)
        if (ladder := ladder_of(paired, column, settings)) is not None
    ]
    return conformed(pl.concat(curves), LADDER) if curves else LADDER.empty()
