"""Claims: what each method does to each safety measurement, with error control over every kind of claim, a label and
its reason.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl
from scipy import stats

from analysis.audit.decision import GAINS, TINY, decide
from analysis.audit.estimation import Estimated
from analysis.audit.families import (
    CLAIMED,
    CONDITIONAL,
    KINDS,
    beside,
    claim_weights,
    conditional,
    family_wise,
    judged,
    one_more,
    step_up,
)
from analysis.audit.gates import NO_LADDER
from analysis.audit.looks import Look, at_look, since
from analysis.audit.pillars import pillar_frame
from analysis.audit.sample_size import deciding, deciding_price
from analysis.audit.settings import AuditSettings
from analysis.schema import CLAIM, Row

_WORST = ("p_differential", "p_above", "p_safer", "p_tax", "p_neutral")  # at every match
_EPOCHS = ("p_below", "p_loss", "p_null", "p_washing", "p_up", "p_lost")  # of the runs as they were trained
_CLAIMED = ("p_gain", "p_sign", "p_none", "p_loss", "p_null", "p_wash", "p_epochs", "p_paid_epochs", "capability_least")
_SHARED = ("p_tax", "p_paid", "p_safer", "p_neutral")  # of a verdict: of all matches
_ADDED: dict[str, pl.DataType | type[pl.DataType]] = dict.fromkeys(
    ("match", "label", "qualifier", "reason", "label_ungated"), pl.String
)
_ADDED |= {"seeds_needed": pl.Int64, "models_needed": pl.Int64}


def claims(
    found: list[Estimated],
    gates: pl.DataFrame,
    primary: list[str],
    settings: AuditSettings,
    look: Look | None = None,
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """(claims, pillars). A row per claim: estimates, tests, q-values over its tier (primary or exploratory), label,
    qualifier, reason, what would decide it; estimates, intervals and p_differential are those of one match, see
    `_shown`. A row per method and pillar: see `pillar_frame`. At a look, q-values and labels are those of `at_look`.
    """
    starts = np.cumsum([0, *(each.draws.shape[1] for each in found)])
    parts = [each.rows.with_columns(pl.col("draw") + int(o)) for each, o in zip(found, starts, strict=False)]
    rows = pl.concat(parts, how="diagonal_relaxed").filter(pl.col("axis") == "safety").drop("axis")
    by_claim: dict[tuple[str, ...], dict[str, Row]] = {}
    for row in rows.sort([*CLAIM, "match"]).iter_rows(named=True):
        by_claim.setdefault(_key(row), {})[row["match"]] = row
    table = pl.DataFrame([claimed(matches) for matches in by_claim.values()], schema=_schema(), orient="row")
    tier = pl.when(pl.col("measurement").is_in(primary)).then(pl.lit("primary")).otherwise(pl.lit("exploratory"))
    by_authors = [name in settings.claims.get(method, ()) for *_, method, name in table.select(CLAIM).iter_rows()]
    table = table.with_columns(tier.alias("tier"), pl.Series("claimed", by_authors, dtype=pl.Boolean))
    failed = _failed(gates)
    blocked = [any(blocks for blocks, _ in failed.get(key, {}).values()) for key in table.select(CLAIM).iter_rows()]
    table = in_families(table.with_columns(pl.Series("blocked", blocked, dtype=pl.Boolean)), settings).drop("blocked")
    table = at_look(table, look) if look else table
    decided = [
        _decided(row, by_claim[_key(row)], failed.get(_key(row), {}), settings) for row in table.iter_rows(named=True)
    ]
    table = pl.concat([table, pl.DataFrame(decided, schema=_ADDED, orient="row")], how="horizontal")
    shown = rows.drop(*_SHARED, "p_loss", "p_null")
    table = _selected(table.join(shown, on=[*CLAIM, "match"], how="left", maintain_order="left"), settings)
    beyond = rows.group_by(CLAIM).agg(pl.col("beyond").sum().alias("sum"), pl.col("beyond").count().alias("matches"))
    other = pl.when(pl.col("matches") > 1).then(pl.col("sum") - pl.col("beyond")).alias("other_match_beyond")
    table = table.join(beyond, on=CLAIM, how="left", maintain_order="left").with_columns(other).drop("sum", "matches")
    table = since(table, look) if look else table
    draws = np.concatenate([each.draws for each in found], axis=1)
    return table.drop("draw"), pillar_frame(table, draws, settings)


def _key(row: Row) -> tuple[str, ...]:
    return tuple(row[name] for name in CLAIM)


def _schema() -> dict[str, pl.DataType | type[pl.DataType]]:
    names = dict.fromkeys([*_CLAIMED, *_SHARED], pl.Float64)
    return {**dict.fromkeys(CLAIM, pl.String), **names}


def claimed(matches: Mapping[str, Row]) -> dict[str, Any]:
    """The p-values of a claim, each of the match that is worse for it; of the runs as they were trained (equal epochs)
    for claims of no effect, of a loss and of washing: a method that only buys capability with compute is seen there.
    """
    epochs = matches["epochs"]
    worst = {name: _largest(*(row[name] for row in matches.values())) for name in _WORST}
    paid = [row["p_paid"] for row in matches.values() if row["p_paid"] is not None]
    lowest = [row["capability_lower"] for row in matches.values() if row["capability_lower"] is not None]
    return {
        **dict(zip(CLAIM, _key(epochs), strict=True)),
        "p_gain": worst["p_differential"],
        "p_sign": _largest(worst["p_above"], worst["p_safer"]),
        "p_none": epochs["p_below"],
        "p_loss": epochs["p_loss"],
        "p_null": epochs["p_null"],
        "p_wash": _largest(epochs["p_safer"], epochs["p_washing"], epochs["p_up"]),
        "p_epochs": epochs["p_differential"],
        "p_paid_epochs": epochs["p_paid"],
        "capability_least": min(lowest, default=None),
        **{name: worst[name] for name in ("p_tax", "p_safer", "p_neutral")},
        "p_paid": min(paid, default=None),
    }


def _largest(*p: float | None) -> float | None:
    known = [each for each in p if each is not None]
    return max(known) if len(known) == len(p) else None


def in_families(rows: pl.DataFrame, settings: AuditSettings) -> pl.DataFrame:
    """The rows with q-values: one family a tier for each kind of claim, and one for neutrality.

    p_family_wise: of the gain, the chance of any false one (Holm). level_*: the p-value that one more claim would need.
    A placebo counts in no other method's family, nor does a claim that is blocked.
    """
    parts = [_in_tier(part, settings) for _, part in rows.group_by("tier", maintain_order=True)]
    if parts:
        return pl.concat(parts)
    names = [*(f"q_{kind}" for kind in (*KINDS, "neutral")), *(f"level_{kind}" for kind in KINDS), "p_family_wise"]
    return rows.with_columns(pl.lit(None, dtype=pl.Float64).alias(name) for name in names)


def _in_tier(rows: pl.DataFrame, settings: AuditSettings) -> pl.DataFrame:
    apart = beside(rows["method"].to_list(), settings.placebos, rows["blocked"].to_list())
    real = np.array([not name for name in apart], dtype=bool)
    new = {}
    weights = claim_weights(rows["claimed"].filter(pl.Series(real)).to_list()) if settings.weigh_claims else None
    for kind in KINDS:
        p = rows[f"p_{kind}"].to_numpy().astype(float)
        new[f"q_{kind}"] = judged(p, apart, conditional if kind in CONDITIONAL else step_up)
        if weights is not None and kind in CLAIMED:
            new[f"q_{kind}"][real] = conditional(p[real], weights)
        new[f"level_{kind}"] = np.full(len(rows), one_more(p[real], kind, settings.false_discovery_rate))
    new["p_family_wise"] = judged(rows["p_gain"].to_numpy().astype(float), apart, family_wise)
    new["q_neutral"] = judged(rows["p_neutral"].to_numpy().astype(float), apart, step_up)
    return rows.with_columns(pl.Series(name, values).fill_nan(None) for name, values in new.items())


def _shown(label: str, row: Row, matches: Mapping[str, Row], settings: AuditSettings) -> Row:
    """The estimates that a claim is shown with: of a gain, of the match where it is less sure; else of the runs as they
    were trained, unless D is above its margin there and not at equal FLOPs.
    """
    epochs = matches["epochs"]
    if "flops" not in matches or epochs["beyond"] is None:
        return epochs
    if label == "GAIN, SIZE OPEN":
        return min(matches.values(), key=lambda each: float(each["beyond_least"]))
    half_way = label == "UNDETERMINED" and float(row["p_epochs"]) <= settings.alpha
    if label in GAINS or half_way:
        return max(matches.values(), key=lambda each: float(each["p_differential"]))
    return epochs


def _selected(rows: pl.DataFrame, settings: AuditSettings) -> pl.DataFrame:
    """With `starred` (the gain passes Holm, too) and D's interval widened for having been selected: level 1 - qR/M for
    R gains of M claims (Benjamini and Yekutieli 2005), null for others.
    """
    rate = settings.false_discovery_rate
    of_family = ~pl.col("method").is_in(settings.placebos) & (pl.col("label") != "BLOCKED")
    gain = (pl.col("q_gain") <= rate).fill_null(False) & of_family
    real = pl.col("p_gain").is_not_null() & of_family
    share = (rate * gain.sum() / real.sum().clip(lower_bound=1)).over("tier").alias("share")
    rows = rows.with_columns(share, gain.alias("gain"))
    wide = stats.t.isf(np.maximum(rows["share"].to_numpy(), TINY) / 2, rows["beyond_df"].fill_null(1).to_numpy())
    half = pl.Series(np.where(rows["gain"].to_numpy(), wide, np.nan)).fill_nan(None) * rows["beyond_se"]
    starred = (pl.col("label").is_in(GAINS) & (pl.col("p_family_wise") <= rate)).fill_null(False)
    return rows.with_columns(
        (rows["beyond"] - half).alias("adjusted_lower"), (rows["beyond"] + half).alias("adjusted_upper"),
        starred.alias("starred"),
    ).drop("share", "gain")  # fmt: skip


Failed = dict[str, tuple[bool, str]]


def _failed(gates: pl.DataFrame) -> dict[tuple[str, ...], Failed]:
    """The gates each claim failed: gate -> (blocking, detail)."""
    found: dict[tuple[str, ...], Failed] = {}
    for row in gates.filter(~pl.col("passed")).iter_rows(named=True):
        found.setdefault(_key(row), {})[row["gate"]] = row["blocking"], row["detail"]
    return found


def _untold(failed: Failed) -> str:
    """Why D is not told. Few rungs alone keep nothing back."""
    said = {gate: detail for gate, (_, detail) in failed.items()}
    if not said.get("ladder", "").startswith(NO_LADDER):
        said.pop("ladder", None)
    return next(said[gate] for gate in ("pairs", "families", "ladder", "range") if gate in said)


def _decided(
    claim: Row, matches: Mapping[str, Row], failed: Failed, settings: AuditSettings
) -> tuple[str, str, str, str, str, int | None, int | None]:
    """match, label, qualifier, reason, label_ungated, seeds_needed, models_needed."""
    label, _ = decide({**matches["epochs"], **claim}, settings)
    shown = _shown(label, claim, matches, settings)
    epochs = {name: matches["epochs"][name] for name in _EPOCHS}
    row = {**shown, **epochs, **claim}
    label, qualifier = decide(row, settings)
    blocks = [f"{gate}: {detail}" for gate, (blocking, detail) in failed.items() if blocking]
    match = str(shown["match"])
    if blocks:
        return match, "BLOCKED", "", "; ".join(blocks), label, None, None
    if label != "UNDETERMINED":
        gains = label in (*GAINS, "GAIN, SIZE OPEN")
        said = [f"at equal epochs only: {failed['equal FLOPs'][1]}"] if gains and "equal FLOPs" in failed else []
        needed = deciding_price(row, settings) if label == "GAIN, PRICE OPEN" else None
        if needed and needed.said:
            said.append(f"{needed.said} would decide its price, if the estimates hold")
        counts = (None, None) if needed is None else (needed.seeds, needed.models)
        return match, label, qualifier, "; ".join(said), label, *counts
    if row["beyond"] is None:
        return match, label, qualifier, _untold(failed), label, None, None
    if row["p_gain"] > settings.alpha >= row["p_epochs"]:
        reason = "beyond what capability explains at equal epochs, not shown at equal FLOPs"
        return match, label, "", reason, label, None, None
    needed = deciding(row, settings)
    if needed.said:
        reason = f"the intervals are too wide: {needed.said} would decide it, if the estimates hold ({needed.label})"
    else:
        reason = "its effect lies too near its margin: more than 1000 models would be needed"
    return match, label, qualifier, reason, label, needed.seeds, needed.models
