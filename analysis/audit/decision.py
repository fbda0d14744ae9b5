"""From estimates to labels: intervals, one-sided tests, error control over the family of claims, and the decision
list.
"""

import numpy as np
import polars as pl
from numpy.random import Generator
from scipy import stats
from statsmodels.stats.multitest import multipletests

from analysis.audit.estimands import Estimate
from analysis.audit.settings import AuditSettings
from analysis.scales import Floats

LABELS = ("DIFFERENTIAL", "TRADE-OFF", "WASHING", "REGRESSION", "NULL", "UNDETERMINED", "BLOCKED")
TINY = 1e-12
LEAST_DF = 2  # D of fewer is not told


def described(estimate: Estimate, margins: Floats, capability_margin: float) -> pl.DataFrame:
    """One row per measurement: T, E, D with standard errors and what of their variance is known, margins, what they
    rest on; capability_beyond_correlation is for the joint ellipse of E and D, seed_share what of the variance of a
    unit's difference its seeds make, total_covered T of the models that D rests on.
    """
    size = len(margins)
    columns: dict[str, Floats] = {}
    for name in ("total", "capability", "beyond"):
        of = getattr(estimate, name)
        arrays = {name: of.point, f"{name}_se": of.error, f"{name}_known": of.known}
        columns |= {key: np.broadcast_to(values, size) for key, values in arrays.items()}
    columns |= {"capability_beyond_correlation": estimate.correlation, "seed_share": estimate.units.seed_share}
    columns |= {"total_covered": estimate.total_covered}
    columns |= {"margin": margins, "capability_margin": np.full(size, capability_margin)}
    units = estimate.units
    counts = {"units": len(units.models), "pairs": units.pairs, "models": len(np.unique(units.models))}
    facts = {"match": estimate.match, "unit": units.kind, **counts, "in_range": estimate.in_range}
    facts |= {"df": estimate.total.df, "beyond_units_df": estimate.beyond.df}
    table = pl.DataFrame(columns).with_columns(pl.col(pl.Float64).fill_nan(None))
    return table.with_columns(pl.lit(value).alias(name) for name, value in facts.items())


def tested(rows: pl.DataFrame, settings: AuditSettings) -> pl.DataFrame:
    """The rows with two-sided intervals and the p-values of one-sided t tests, each with its own degrees of freedom.

    p_differential: D <= margin; p_tax: E <= -margin; p_washing: D outside +-margin; p_up: E <= 0; p_null: T or E
    outside its margin; p_neutral: E outside its margin.
    """
    known = rows["beyond_df"].to_numpy() >= LEAST_DF
    rows = rows.with_columns(pl.when(pl.Series(known)).then("beyond").alias("beyond"))
    v = {name: rows[name].cast(pl.Float64).to_numpy() for name in (*_STATISTICS, "margin", "capability_margin")}
    t, e, d = ((v[name], v[f"{name}_se"], v[f"{name}_df"]) for name in ("total", "capability", "beyond"))
    m, c = v["margin"], v["capability_margin"]
    new: dict[str, Floats] = {}
    for name, (point, se, df) in (("total", t), ("capability", e), ("beyond", d)):
        half = stats.t.isf(settings.alpha / 2, df) * se
        new |= {f"{name}_lower": point - half, f"{name}_upper": point + half}
    new |= {"p_differential": _above(d, m), "p_tax": _above(e, -c), "p_up": _above(e, 0.0)}
    new |= {"p_washing": _within(d, m), "p_neutral": _within(e, c)}
    new |= {"p_null": np.maximum(new["p_neutral"], _within(t, m))}
    return rows.with_columns(pl.Series(name, values).fill_nan(None) for name, values in new.items())


_STATISTICS = tuple(name + end for name in ("total", "capability", "beyond") for end in ("", "_se", "_df"))
Tested = tuple[Floats, Floats, Floats]  # estimate, standard error, degrees of freedom


def _above(of: Tested, bound: Floats | float) -> Floats:
    """p that the effect is no more than the bound."""
    point, se, df = of
    return np.asarray(stats.t.sf((point - bound) / se, df))


def _below(of: Tested, bound: Floats | float) -> Floats:
    """p that the effect is no less than the bound."""
    point, se, df = of
    return np.asarray(stats.t.cdf((point - bound) / se, df))


def _within(of: Tested, bound: Floats) -> Floats:
    """p that the effect lies outside +-bound: the larger of two one-sided tests (Schuirmann 1987)."""
    return np.maximum(_above(of, -bound), _below(of, bound))


_LEVELS = ("level_differential", "level_equivalence")
_Q = ("q_neutral", "q_differential", "q_washing", "q_null", "adjusted_lower", "adjusted_upper", *_LEVELS)


def adjusted(rows: pl.DataFrame, settings: AuditSettings) -> pl.DataFrame:
    """The rows with q-values over their tier (Benjamini-Hochberg) and false-coverage-adjusted intervals of D.

    Three families a tier: differential claims, equivalence claims (washing, null), and neutrality, one claim a
    method. The adjusted interval of Benjamini and Yekutieli (2005), level 1 - qR/M for R selected of M, is given for
    selected rows only. level_*: the p-value that one more claim of a family would need, q (R + 1) / M.
    """
    parts = [_adjusted_tier(part, settings) for _, part in rows.group_by("tier", maintain_order=True)]
    return pl.concat(parts) if parts else rows.with_columns(pl.lit(None, dtype=pl.Float64).alias(name) for name in _Q)


def _adjusted_tier(rows: pl.DataFrame, settings: AuditSettings) -> pl.DataFrame:
    differential = step_up(rows["p_differential"].to_numpy())
    equivalence = step_up(np.concatenate([rows["p_washing"].to_numpy(), rows["p_null"].to_numpy()]))
    claims = rows.group_by("domain", "dataset", "method", "match", maintain_order=True).agg(pl.col("p_neutral").min())
    claims = claims.with_columns(pl.Series("q_neutral", step_up(claims["p_neutral"].to_numpy()))).drop("p_neutral")
    rows = rows.join(claims, on=["domain", "dataset", "method", "match"], how="left", maintain_order="left")
    selected = differential <= settings.false_discovery_rate
    share = settings.false_discovery_rate * selected.sum() / max(int(np.isfinite(differential).sum()), 1)
    df = rows["beyond_df"].fill_null(1).clip(lower_bound=1).to_numpy()
    wide = np.where(selected, stats.t.isf(np.maximum(share, TINY) / 2, df), np.nan)
    half = wide * rows["beyond_se"].to_numpy()
    new = {"q_differential": differential, "q_washing": equivalence[: len(rows)], "q_null": equivalence[len(rows) :]}
    new |= {"adjusted_lower": rows["beyond"].to_numpy() - half, "adjusted_upper": rows["beyond"].to_numpy() + half}
    rate = settings.false_discovery_rate
    for name, q in zip(_LEVELS, (differential, equivalence), strict=True):
        new[name] = np.full(len(rows), _next_level(q, rate))
    return rows.with_columns(pl.Series(name, values).fill_nan(None) for name, values in new.items())


def _next_level(q: Floats, rate: float) -> float:
    known = q[np.isfinite(q)]
    return float(rate * ((known <= rate).sum() + 1) / max(len(known), 1))


def step_up(p: Floats) -> Floats:
    """Benjamini-Hochberg q-values; NaN stays NaN and counts in no family."""
    known = np.isfinite(p)
    q = np.full(len(p), np.nan)
    if known.any():
        q[known] = multipletests(p[known], method="fdr_bh")[1]
    return q


def max_t(statistics: Floats, draws: Floats, df: int, rng: Generator) -> Floats:
    """Westfall-Young step-down max-T p-values. draws: standardised and centred [draw, claim]; each row is spread by a
    common chi to be t, not normal.
    """
    heavy = draws / np.sqrt(rng.chisquare(df, (len(draws), 1)) / df)
    order = np.argsort(statistics)
    running = np.maximum.accumulate(heavy[:, order], axis=1)
    p = (1 + (running >= statistics[order]).sum(0)) / (1 + len(draws))
    back = np.empty_like(p)
    back[order] = np.maximum.accumulate(p[::-1])[::-1]
    return np.asarray(back)


Row = dict[str, float | None]


def decide(row: Row, settings: AuditSettings) -> tuple[str, str]:
    """(label, qualifier) by the first rule that fits a claim, at every budget match it was measured at; gates aside.

    p- and q-values and the ends of intervals (`*_least`, `*_most`) are those of the match that is worse for the claim.
    """
    level, rate = settings.alpha, settings.false_discovery_rate
    if _less(row["total_most"], -_number(row["margin"])):
        return "REGRESSION", ""
    safer = _less(-_number(row["total_least"]), 0.0)
    differential = _at_most(row["q_differential"], rate)
    if differential and _at_most(row["p_tax"], level) and safer:
        if _at_most(row["q_neutral"], rate):
            return "DIFFERENTIAL", "capability-neutral"
        gain = _number(row["capability_least"]) > _number(row["capability_margin"])
        return "DIFFERENTIAL", "with externality" if gain else ""
    if differential and _less(row["capability_most"], -_number(row["capability_margin"])):
        return "TRADE-OFF", ""
    if safer and _at_most(row["q_washing"], rate) and _at_most(row["p_up"], level):
        return "WASHING", ""
    return ("NULL", "") if _at_most(row["q_null"], rate) else ("UNDETERMINED", "")


def _number(value: float | None) -> float:
    return float("nan") if value is None else value


def _less(value: float | None, bound: float) -> bool:
    return _number(value) < bound


def _at_most(value: float | None, bound: float) -> bool:
    return _number(value) <= bound
