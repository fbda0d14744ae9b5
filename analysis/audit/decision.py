"""From estimates to labels: intervals, one-sided tests, and the decision list."""

import numpy as np
import polars as pl
from scipy import stats

from analysis.audit.estimands import Estimate
from analysis.audit.families import KINDS
from analysis.audit.settings import AuditSettings
from analysis.scales import Floats
from analysis.schema import Row

GAINS = ("DIFFERENTIAL", "TRADE-OFF", "GAIN, PRICE OPEN")  # D is above its margin
LABELS = (*GAINS, "GAIN, SIZE OPEN", "WASHING", "NULL", "NO GAIN", "REGRESSION", "UNDETERMINED", "BLOCKED")
TINY = 1e-12
LEAST_DF = 2  # D of fewer is not told


def described(estimate: Estimate, margins: Floats, capability_margin: float) -> pl.DataFrame:
    """One row per measurement: T, E, D with standard errors and what of their variance is known, margins, what they
    rest on; capability_beyond_correlation is for the joint ellipse of E and D, seed_share what of the variance of a
    unit's difference its seeds make, total_covered T of the models that D rests on.
    """
    table = pl.DataFrame(columns_of(estimate, margins, capability_margin))
    return table.with_columns(pl.col(pl.Float64).fill_nan(None))


def columns_of(estimate: Estimate, margins: Floats, capability_margin: float) -> dict[str, np.ndarray]:
    """The columns of `described`; NaN where it has null."""
    size = len(margins)
    columns: dict[str, np.ndarray] = {}
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
    return columns | {name: np.full(size, value) for name, value in facts.items()}


def tested(rows: pl.DataFrame, settings: AuditSettings, least_df: float) -> pl.DataFrame:
    """The rows with two-sided intervals, D's one-sided ends (beyond_least, beyond_most), and the p-values of one-sided
    t tests, each with its own degrees of freedom; what each is the p of is said in `schema`. D of fewer than `least_df`
    is not told.
    """
    known = rows["beyond_df"].to_numpy() >= least_df
    rows = rows.with_columns(pl.when(pl.Series(known)).then("beyond").alias("beyond"))
    v = {name: rows[name].cast(pl.Float64).to_numpy() for name in (*_STATISTICS, "margin", "capability_margin")}
    t, e, d = ((v[name], v[f"{name}_se"], v[f"{name}_df"]) for name in ("total", "capability", "beyond"))
    m, c = v["margin"], v["capability_margin"]
    new: dict[str, Floats] = {}
    for name, (point, se, df) in (("total", t), ("capability", e), ("beyond", d)):
        half = stats.t.isf(settings.alpha / 2, df) * se
        new |= {f"{name}_lower": point - half, f"{name}_upper": point + half}
    half = stats.t.isf(settings.alpha, d[2]) * d[1]
    new |= {"beyond_least": d[0] - half, "beyond_most": d[0] + half}
    new |= {"p_differential": _above(d, m), "p_above": _above(d, 0.0), "p_safer": _above(t, 0.0)}
    new |= {"p_below": _below(d, m), "p_loss": _below(t, -m), "p_lost": _below(d, -m)}
    new |= {"p_tax": _above(e, -c), "p_paid": _below(e, -c), "p_up": _above(e, 0.0)}
    new |= {"p_washing": _within(d, m), "p_neutral": _within(e, c), "p_total": _within(t, m)}
    new |= {"p_null": np.maximum(new["p_washing"], new["p_total"])}
    return rows.with_columns(pl.Series(name, values).fill_nan(None) for name, values in new.items())


_STATISTICS = tuple(name + end for name in ("total", "capability", "beyond") for end in ("", "_se", "_df"))
Tested = tuple[Floats, Floats, Floats]  # estimate, standard error, degrees of freedom


def _above(of: Tested, bound: Floats | float) -> Floats:
    """p that the effect is no more than the bound."""
    point, se, df = of
    with np.errstate(divide="ignore", invalid="ignore"):  # an effect that is the same everywhere
        return np.asarray(stats.t.sf((point - bound) / se, df))


def _below(of: Tested, bound: Floats | float) -> Floats:
    """p that the effect is no less than the bound."""
    point, se, df = of
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(stats.t.cdf((point - bound) / se, df))


def _within(of: Tested, bound: Floats) -> Floats:
    """p that the effect lies outside +-bound: the larger of two one-sided tests (Schuirmann 1987)."""
    return np.maximum(_above(of, -bound), _below(of, bound))


def decide(row: Row, settings: AuditSettings) -> tuple[str, str]:
    """(label, qualifier) by the first rule that fits a claim; gates aside. The q-values are those of the claim's
    families, the p-values those of the match that is worse for the claim.
    """
    level, rate = settings.alpha, settings.false_discovery_rate
    found = {kind: _at_most(row[f"q_{kind}"], rate) for kind in KINDS}
    if found["loss"]:
        return "REGRESSION", _lost(row, level)
    if found["gain"]:
        return _priced(row, settings)
    if found["null"]:
        return "NULL", f"capability {capability_in_words(row, level)}"
    if found["wash"]:
        return "WASHING", ""
    if found["sign"]:
        alone = row["beyond_least"] > row["margin"]  # the correction for all claims made leaves the size open
        return "GAIN, SIZE OPEN", f"at least {_signed(row['beyond_least'])}" + ", taken alone" * alone
    if found["none"]:
        return "NO GAIN", f"at most {_signed(row['beyond_most'])}"
    return "UNDETERMINED", "" if row["beyond"] is not None else in_all(row, level)


def capability_in_words(row: Row, level: float) -> str:
    """What E is shown to be: unchanged (within its margin), falling, rising, or open."""
    if _at_most(row["p_neutral"], level):
        return "unchanged"
    if row["capability"] is None or row["capability_upper"] is None:
        return "not known"
    return "falls" if row["capability_upper"] < 0 else "rises" if row["capability_lower"] > 0 else "open"


def in_all(row: Row, level: float) -> str:
    """What T and E are shown to be where D is not known; empty where they are not known either."""
    if row["total"] is None:
        return ""
    if _at_most(row["p_total"], level):
        said = "as safe, within the margin"
    else:
        low, high = (0.0 if row[name] is None else row[name] for name in ("total_lower", "total_upper"))
        said = "safer" if low > 0 else "less safe" if high < 0 else "open"
    return f"in all {said}; capability {capability_in_words(row, level)}"


def _lost(row: Row, level: float) -> str:
    if _at_most(row["p_washing"], level):
        return "as its lost capability explains"
    return "beyond what its capability explains" if _at_most(row["p_lost"], level) else ""


def _priced(row: Row, settings: AuditSettings) -> tuple[str, str]:
    level = settings.alpha
    if _at_most(row["p_tax"], level) and _at_most(row["p_safer"], level):
        if _at_most(row["q_neutral"], settings.false_discovery_rate):
            return "DIFFERENTIAL", "capability-neutral"
        return "DIFFERENTIAL", "with externality" if row["capability_least"] > row["capability_margin"] else ""
    if _at_most(row["p_paid"], level / 2):
        return "TRADE-OFF", "" if _at_most(row["p_paid_epochs"], level / 2) else "it pays at equal FLOPs only"
    return "GAIN, PRICE OPEN", ""


def _at_most(value: float | None, bound: float) -> bool:
    return value is not None and value <= bound


def _signed(value: float) -> str:
    return f"{round(value, 2) + 0.0:+.2f}"  # never "-0.00"
