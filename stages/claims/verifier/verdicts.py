"""From estimates to labels: one-sided tests, families of claims at the false discovery rate, the list of decisions."""

from typing import Any

import numpy as np

from .probability import t_above, t_bound

GAINS = ("DIFFERENTIAL", "TRADE-OFF", "GAIN, PRICE OPEN")
CONDITIONAL = ("gain", "loss", "sign")  # p-values above .5 take no part
KINDS = (*CONDITIONAL, "none", "null", "wash")
LEAST_DF = 2
LEAST_METHODS = 4
Row = dict[str, Any]
Array = Any


def pooled_df(estimates: list[Any], which: int) -> float:
    """By what the degrees of freedom of T (0), E (1) or D (2) are multiplied: the share of the variance that models
    show, over the methods of a measurement; up to four.
    """
    found = [each.matches["epochs"][which] for each in estimates if each is not None]
    found = [each for each in found if each.error == each.error]
    if len(found) < LEAST_METHODS:
        return 1.0
    whole = sum(each.error**2 for each in found)
    unknown = sum(max(each.error**2 - each.known, 0) for each in found)
    if whole == 0:
        return 1.0
    return float(min(1 / max(unknown / whole, 0.05) ** 2, 4.0))


def tested(match: Any, factors: Any, margin: float, capability_margin: float, alpha: float) -> Row:
    """One match's estimates with intervals and p-values; None for what is not known."""
    t, e, d = match
    df = [each.df * factor for each, factor in zip(match, factors, strict=True)]
    row: Row = {"margin": margin, "capability_margin": capability_margin}
    for name, each, free in zip(("total", "capability", "beyond"), match, df, strict=True):
        half = t_bound(alpha / 2, free) * each.error if each.error == each.error else float("nan")
        row |= {name: each.value, f"{name}_se": each.error, f"{name}_df": free}
        row |= {f"{name}_lower": each.value - half, f"{name}_upper": each.value + half}
    if df[2] < LEAST_DF or d.value != d.value:
        row |= dict.fromkeys([name for name in row if name.startswith("beyond") and not name.endswith("df")], None)
        d = None
    half = float("nan") if d is None else t_bound(alpha, df[2]) * d.error
    row |= {"beyond_least": None if d is None else d.value - half, "beyond_most": None if d is None else d.value + half}

    def above(each: Any, bound: float, free: float) -> Any:
        return None if each is None else t_above((each.value - bound) / each.error, free)

    def below(each: Any, bound: float, free: float) -> Any:
        return None if each is None else t_above(-(each.value - bound) / each.error, free)

    def within(each: Any, bound: float, free: float) -> Any:
        return largest(above(each, -bound, free), below(each, bound, free))

    m, c = margin, capability_margin
    row |= {"p_differential": above(d, m, df[2]), "p_above": above(d, 0, df[2]), "p_safer": above(t, 0, df[0])}
    row |= {"p_below": below(d, m, df[2]), "p_loss": below(t, -m, df[0]), "p_lost": below(d, -m, df[2])}
    row |= {"p_tax": above(e, -c, df[1]), "p_paid": below(e, -c, df[1]), "p_up": above(e, 0, df[1])}
    row |= {"p_washing": within(d, m, df[2]), "p_neutral": within(e, c, df[1]), "p_total": within(t, m, df[0])}
    return row | {"p_null": largest(row["p_washing"], row["p_total"])}


def largest(*p: Any) -> Any:
    """The largest p-value; None where one is not known."""
    return None if any(each is None or each != each for each in p) else max(p)


def claimed(matches: dict[str, Row]) -> Row:
    """A claim's p-values: of a gain, of the match that is worse for it; of no effect or a loss, of the runs as
    trained.
    """
    epochs, rows = matches["epochs"], list(matches.values())
    worst = {n: largest(*(r[n] for r in rows)) for n in ("p_differential", "p_above", "p_safer", "p_tax", "p_neutral")}
    return {
        "p_gain": worst["p_differential"],
        "p_sign": largest(worst["p_above"], worst["p_safer"]),
        "p_none": epochs["p_below"],
        "p_loss": epochs["p_loss"],
        "p_null": epochs["p_null"],
        "p_wash": largest(epochs["p_safer"], epochs["p_washing"], epochs["p_up"]),
        "p_epochs": epochs["p_differential"],
        "p_paid_epochs": epochs["p_paid"],
        "p_paid": min(row["p_paid"] for row in rows),
        "capability_least": min(row["capability_lower"] for row in rows),
        **{name: worst[name] for name in ("p_tax", "p_safer", "p_neutral")},
    }


def step_up(p: Array, weights: Array | None = None) -> Array:
    """Benjamini and Hochberg's q-values; NaN stays NaN. weights are not asked for here."""
    known = np.flatnonzero(np.isfinite(p))
    q = np.full(len(p), np.nan)
    order = known[np.argsort(p[known], kind="stable")]
    ranked = p[order] * len(order) / np.arange(1, len(order) + 1)
    q[order] = np.minimum(np.minimum.accumulate(ranked[::-1])[::-1], 1)
    return q


def conditional(p: Array, weights: Array | None = None) -> Array:
    """q-values of the p-values up to .5, taken as p / .5, with Storey's share of nulls; 1 for the others."""
    known = np.isfinite(p)
    taking = np.flatnonzero(known & (np.where(known, p, 1) <= 0.5))
    q, share = np.where(known, 1.0, np.nan), p[taking] / 0.5
    own = np.ones(len(share)) if weights is None else weights[taking] / weights[taking].mean()
    nulls = min(1.0, (max(own, default=1.0) + own[share > 0.5].sum()) / (0.5 * max(len(share), 1)))
    weighted = share / own
    order = np.argsort(weighted, kind="stable")
    ranked = nulls * len(share) * weighted[order] / np.arange(1, len(share) + 1)
    found = np.empty(len(share))
    found[order] = np.minimum.accumulate(ranked[::-1])[::-1]
    q[taking] = np.where(share > 0.5, 1, np.clip(found, p[taking], 1))
    return q


def holm(p: Array, weights: Array | None = None) -> Array:
    """Holm's p-values among those up to .5, taken as p / .5."""
    known = np.isfinite(p)
    taking = np.flatnonzero(known & (np.where(known, p, 1) <= 0.5))
    found, share = np.where(known, 1.0, np.nan), p[taking] / 0.5
    order = np.argsort(share, kind="stable")
    ranked = np.maximum.accumulate(share[order] * np.arange(len(share), 0, -1))
    found[taking[order]] = np.minimum(ranked, 1)
    return found


def in_family(claims: list[Row], name: str, how: Any, placebos: list[str], weights: Array | None = None) -> list[Any]:
    """Each claim's q-value among the real methods' claims that no check blocks; a placebo's among those and its own, a
    blocked one's among those and itself.
    """
    p = np.array([np.nan if row[name] is None else row[name] for row in claims], float)
    real = np.array([in_own(row, placebos) for row in claims], bool)
    q = np.full(len(p), np.nan)
    q[real] = how(p[real], weights)
    for number in np.flatnonzero(~real):
        row, own = claims[number], np.arange(len(p)) == number
        if not row["blocks"]:
            own = np.array([each["method"] == row["method"] and not each["blocks"] for each in claims])
        q[number] = how(np.concatenate([p[real], p[own]]))[len(p[real]) + own[:number].sum()]
    return [None if each != each else float(each) for each in q]


def in_own(row: Row, placebos: list[str]) -> bool:
    """Whether a claim is of the family that all are corrected for."""
    return row["method"] not in placebos and not row["blocks"]


def authors_weights(claims: list[Row], placebos: list[str]) -> Array:
    """Of the real methods' claims: half of all weight to what the authors claim, and never less than to the others."""
    mask = np.array([row["claimed"] for row in claims if in_own(row, placebos)], bool)
    own = mask.sum()
    if not 0 < own < len(mask) / 2:
        return np.ones(len(mask))
    return np.where(mask, len(mask) / (2 * own), len(mask) / (2 * (len(mask) - own)))


def decide(row: Row, alpha: float, rate: float) -> tuple[str, str]:
    """(label, qualifier) by the first rule that fits."""
    found = {kind: _at_most(row[f"q_{kind}"], rate) for kind in KINDS}
    if found["loss"]:
        if _at_most(row["p_washing"], alpha):
            return "REGRESSION", "as its lost capability explains"
        return "REGRESSION", "beyond what its capability explains" * _at_most(row["p_lost"], alpha)
    if found["gain"]:
        return _priced(row, alpha, rate)
    if found["null"]:
        return "NULL", f"capability {_capability(row, alpha)}"
    if found["wash"]:
        return "WASHING", ""
    if found["sign"]:
        alone = row["beyond_least"] > row["margin"]
        return "GAIN, SIZE OPEN", f"at least {_signed(row['beyond_least'])}" + ", taken alone" * alone
    if found["none"]:
        return "NO GAIN", f"at most {_signed(row['beyond_most'])}"
    return "UNDETERMINED", "" if row["beyond"] is not None else _in_all(row, alpha)


def shown(label: str, claim: Row, matches: dict[str, Row], alpha: float) -> str:
    """The match whose estimates the claim is shown with."""
    if "flops" not in matches or matches["epochs"]["beyond"] is None:
        return "epochs"
    if label == "GAIN, SIZE OPEN":
        return min(matches, key=lambda name: matches[name]["beyond_least"])
    if label in GAINS or (label == "UNDETERMINED" and claim["p_epochs"] <= alpha):
        return max(matches, key=lambda name: matches[name]["p_differential"])
    return "epochs"


def _priced(row: Row, alpha: float, rate: float) -> tuple[str, str]:
    if _at_most(row["p_tax"], alpha) and _at_most(row["p_safer"], alpha):
        if _at_most(row["q_neutral"], rate):
            return "DIFFERENTIAL", "capability-neutral"
        return "DIFFERENTIAL", "with externality" * (row["capability_least"] > row["capability_margin"])
    if _at_most(row["p_paid"], alpha / 2):
        return "TRADE-OFF", "it pays at equal FLOPs only" * (not _at_most(row["p_paid_epochs"], alpha / 2))
    return "GAIN, PRICE OPEN", ""


def _capability(row: Row, alpha: float) -> str:
    if _at_most(row["p_neutral"], alpha):
        return "unchanged"
    return "falls" if row["capability_upper"] < 0 else "rises" if row["capability_lower"] > 0 else "open"


def _in_all(row: Row, alpha: float) -> str:
    if row["total"] is None:
        return ""
    if _at_most(row["p_total"], alpha):
        said = "as safe, within the margin"
    else:
        said = "safer" if row["total_lower"] > 0 else "less safe" if row["total_upper"] < 0 else "open"
    return f"in all {said}; capability {_capability(row, alpha)}"


def _at_most(value: Any, bound: float) -> bool:
    return value is not None and value == value and value <= bound


def _signed(value: float) -> str:
    return f"{round(value, 2) + 0.0:+.2f}"
