"""Claims: the headline of each method on each safety measurement, with error control over all of them, a label and
its reason.
"""

from math import ceil

import numpy as np
import polars as pl
from numpy.random import Generator

from analysis.audit.decision import adjusted, decide, max_t
from analysis.audit.estimation import Estimated
from analysis.audit.settings import AuditSettings
from analysis.audit.transform import Floats
from analysis.audit.undecided import deciding_pairs

CLAIM = ["domain", "dataset", "method", "measurement"]
_ESTIMATES = [name + end for name in ("total", "capability", "beyond") for end in ("", "_se", "_lower", "_upper")]
_TESTS = ["p_differential", "p_tax", "p_washing", "p_up", "p_neutral", "p_null"]
_ADDED: dict[str, pl.DataType | type[pl.DataType]] = {
    "label": pl.String,
    "qualifier": pl.String,
    "reason": pl.String,
    "label_ungated": pl.String,
}
_ADDED |= {"pairs_needed": pl.Int64, "seeds_needed": pl.Int64}


def claims(
    found: list[Estimated], gates: pl.DataFrame, primary: list[str], settings: AuditSettings, rng: Generator
) -> pl.DataFrame:
    """One row per claim: estimates, tests, q-values over its tier (primary or exploratory), label, qualifier, reason,
    what would decide it.
    """
    starts = np.cumsum([0, *(each.draws.shape[1] for each in found)])
    parts = [each.rows.with_columns(pl.col("draw") + int(o)) for each, o in zip(found, starts, strict=False)]
    rows = _headline(pl.concat(parts, how="diagonal_relaxed").filter(pl.col("axis") == "safety").drop("axis"))
    is_primary = pl.col("measurement").is_in(primary)
    rows = rows.with_columns(pl.when(is_primary).then(pl.lit("primary")).otherwise(pl.lit("exploratory")).alias("tier"))
    rows = _with_max_t(adjusted(rows, settings), np.concatenate([each.draws for each in found], axis=1), rng)
    failed = _failed(gates)
    decided = [
        _decided(row, failed.get(tuple(row[name] for name in CLAIM), {}), settings)
        for row in rows.iter_rows(named=True)
    ]
    return pl.concat([rows.drop("draw"), pl.DataFrame(decided, schema=_ADDED, orient="row")], how="horizontal")


def _headline(rows: pl.DataFrame) -> pl.DataFrame:
    """Of a claim's two matches the one with the smaller D, the other's D beside it as `other_match_beyond`.

    A verdict must hold at both: p-values are the larger of the two, and `*_least`, `*_most` the outer ends of both
    intervals.
    """
    missing = [
        pl.lit(None, dtype=pl.Float64).alias(name) for name in [*_ESTIMATES, *_TESTS] if name not in rows.columns
    ]
    rows = rows.with_columns(missing).sort([*CLAIM, "beyond", "match"], nulls_last=True)
    other = pl.when(pl.len().over(CLAIM) > 1).then(pl.col("beyond").last().over(CLAIM))
    outer = [pl.col(f"{name}_lower").min().over(CLAIM).alias(f"{name}_least") for name in ("total", "capability")]
    outer += [pl.col(f"{name}_upper").max().over(CLAIM).alias(f"{name}_most") for name in ("total", "capability")]
    rows = rows.with_columns(other.alias("other_match_beyond"), *outer, pl.col(_TESTS).max().over(CLAIM))
    return rows.unique(CLAIM, keep="first", maintain_order=True)


def _with_max_t(rows: pl.DataFrame, draws: Floats, rng: Generator) -> pl.DataFrame:
    p = np.full(len(rows), np.nan)
    chosen = np.flatnonzero(((rows["tier"] == "primary") & rows["beyond"].is_not_null()).to_numpy())
    if len(chosen):
        part = rows[chosen]
        statistics = ((part["beyond"] - part["margin"]) / part["beyond_se"]).to_numpy()
        p[chosen] = max_t(statistics, draws[:, part["draw"].to_numpy()], int(part["df"].to_numpy().min()), rng)
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
        return label, qualifier, "", label, None, None
    thin = [failed[gate][1] for gate in ("pairs", "ladder", "range") if gate in failed and row["beyond"] is None]
    if thin:
        return label, "", thin[0], label, None, None
    pairs = deciding_pairs(row, settings)
    seeds = None if pairs is None else ceil(pairs / max(int(row["models"] or 1), 1))
    if pairs is None:
        return (
            label,
            "",
            "no number of seeds up to 1000 would decide it: an effect lies on its margin or fits no label",
            label,
            None,
            None,
        )
    return (
        label,
        "",
        f"the intervals are too wide: about {pairs} pairs ({seeds} seeds a model) would decide it",
        label,
        pairs,
        seeds,
    )
