"""Claims: the headline of each method on each safety measurement, with error control over all of them, a label and
its reason.
"""

import numpy as np
import polars as pl
from numpy.random import Generator

from analysis.audit.areas import area_frame
from analysis.audit.decision import adjusted, decide, max_t
from analysis.audit.estimation import Estimated
from analysis.audit.settings import AuditSettings
from analysis.audit.undecided import deciding
from analysis.scales import Floats

CLAIM = ["domain", "dataset", "method", "measurement"]
_ESTIMATES = [name + end for name in ("total", "capability", "beyond") for end in ("", "_se", "_lower", "_upper")]
_SIDES = {"least": "lower", "most": "upper"}
_TESTS = ["p_differential", "p_tax", "p_washing", "p_up", "p_neutral", "p_null"]
_ADDED: dict[str, pl.DataType | type[pl.DataType]] = {
    "label": pl.String,
    "qualifier": pl.String,
    "reason": pl.String,
    "label_ungated": pl.String,
}
_ADDED |= {"seeds_needed": pl.Int64, "models_needed": pl.Int64}


def claims(
    found: list[Estimated], gates: pl.DataFrame, primary: list[str], settings: AuditSettings, rng: Generator
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """(claims, areas). A row per claim: estimates, tests, q-values over its tier (primary or exploratory), label,
    qualifier, reason, what would decide it. A row per method and pillar: see `area_frame`.
    """
    starts = np.cumsum([0, *(each.draws.shape[1] for each in found)])
    parts = [each.rows.with_columns(pl.col("draw") + int(o)) for each, o in zip(found, starts, strict=False)]
    rows = _headline(
        pl.concat(parts, how="diagonal_relaxed").filter(pl.col("axis") == "safety").drop("axis"), settings.alpha
    )
    is_primary = pl.col("measurement").is_in(primary)
    rows = rows.with_columns(pl.when(is_primary).then(pl.lit("primary")).otherwise(pl.lit("exploratory")).alias("tier"))
    draws = np.concatenate([each.draws for each in found], axis=1)
    rows = _with_max_t(adjusted(rows, settings), draws, rng)
    failed = _failed(gates)
    decided = [
        _decided(row, failed.get(tuple(row[name] for name in CLAIM), {}), settings)
        for row in rows.iter_rows(named=True)
    ]
    table = pl.concat([rows.drop("draw"), pl.DataFrame(decided, schema=_ADDED, orient="row")], how="horizontal")
    return table, area_frame(rows, draws, settings)


def _headline(rows: pl.DataFrame, alpha: float) -> pl.DataFrame:
    """One row per claim: the runs as they were trained (equal epochs), unless D is above its margin there.

    Being differential must hold at equal FLOPs too: such a claim is shown at the match with the smaller D, with the
    larger of both p-values. `total_least` and `total_most` are then the outer ends of both intervals of T, and
    `capability_least` and `capability_most` the lower of both ends of E: a price in capability counts at either match.
    A method that only buys capability with compute stays at equal epochs, where it is seen. The D of the match not
    shown is `other_match_beyond`, the p of equal epochs `p_epochs`.
    """
    missing = [
        pl.lit(None, dtype=pl.Float64).alias(name) for name in [*_ESTIMATES, *_TESTS] if name not in rows.columns
    ]
    rows = rows.with_columns(missing).sort([*CLAIM, "match"])  # epochs before flops
    epochs = pl.col("p_differential").first().over(CLAIM)
    rows = rows.with_columns(epochs.alias("p_epochs"), (epochs <= alpha).fill_null(False).alias("candidate"))
    ends = {"total_least": pl.col("total_lower").min(), "total_most": pl.col("total_upper").max()}
    ends |= {f"capability_{end}": pl.col(f"capability_{side}").min() for end, side in _SIDES.items()}
    own = {name: f"{name.partition('_')[0]}_{_SIDES[name.partition('_')[2]]}" for name in ends}
    joint = [pl.when("candidate").then(ends[name].over(CLAIM)).otherwise(own[name]).alias(name) for name in ends]
    other = pl.when(pl.col("beyond").count().over(CLAIM) > 1).then(
        pl.col("beyond").sum().over(CLAIM) - pl.col("beyond")
    )
    larger = [
        pl.when("candidate").then(pl.col(p).max().over(CLAIM)).otherwise(p).alias(p)
        for p in ("p_differential", "p_tax", "p_neutral")
    ]
    rows = rows.with_columns(*joint, *larger, other.alias("other_match_beyond"))
    shown = rows.with_columns(pl.when("candidate").then("beyond").otherwise(0.0).alias("order"))
    shown = shown.sort([*CLAIM, "order", "match"], nulls_last=True)
    return shown.unique(CLAIM, keep="first", maintain_order=True).drop("order", "candidate")


def _with_max_t(rows: pl.DataFrame, draws: Floats, rng: Generator) -> pl.DataFrame:
    p = np.full(len(rows), np.nan)
    chosen = np.flatnonzero(((rows["tier"] == "primary") & rows["beyond"].is_not_null()).to_numpy())
    if len(chosen):
        part = rows[chosen]
        statistics = ((part["beyond"] - part["margin"]) / part["beyond_se"]).to_numpy()
        p[chosen] = max_t(statistics, draws[:, part["draw"].to_numpy()], int(part["beyond_df"].to_numpy().min()), rng)
    return rows.with_columns(pl.Series("p_max_t", p).fill_nan(None))


Failed = dict[str, tuple[bool, str]]


def _failed(gates: pl.DataFrame) -> dict[tuple[str, ...], Failed]:
    """The gates each claim failed: gate -> (blocking, detail)."""
    found: dict[tuple[str, ...], Failed] = {}
    for row in gates.filter(~pl.col("passed")).iter_rows(named=True):
        found.setdefault(tuple(row[name] for name in CLAIM), {})[row["gate"]] = row["blocking"], row["detail"]
    return found


def _decided(
    row: dict[str, float | None], failed: Failed, settings: AuditSettings
) -> tuple[str, str, str, str, int | None, int | None]:
    label, qualifier = decide(row, settings)
    blocks = [f"{gate}: {detail}" for gate, (blocking, detail) in failed.items() if blocking]
    if blocks:
        return "BLOCKED", "", "; ".join(blocks), label, None, None
    if label != "UNDETERMINED":
        alone = label in ("DIFFERENTIAL", "TRADE-OFF") and "equal FLOPs" in failed
        reason = f"at equal epochs only: {failed['equal FLOPs'][1]}" if alone else ""
        if label == "TRADE-OFF" and float(row["capability_upper"] or 0) >= -float(row["capability_margin"] or 0):
            reason = f"costs capability at equal training {'FLOPs' if str(row['match']) == 'epochs' else 'epochs'}"
        return label, qualifier, reason, label, None, None
    thin = [failed[gate][1] for gate in ("pairs", "ladder", "range") if gate in failed and row["beyond"] is None]
    if thin:
        return label, "", thin[0], label, None, None
    if float(row["p_differential"] or 0) > settings.alpha >= float(row["p_epochs"] or 0):
        return label, "", "beyond what capability explains at equal epochs, not shown at equal FLOPs", label, None, None
    needed = deciding(row, settings)
    if needed.seeds is not None:
        reason = f"the intervals are too wide: about {needed.seeds} seeds a model would decide it"
    elif needed.models is not None:
        reason = f"the intervals are too wide: more seeds would not do, about {needed.models} models would"
    else:
        reason = "no number of seeds or models would decide it: an effect lies on its margin or fits no label"
    return label, "", reason, label, needed.seeds, needed.models
