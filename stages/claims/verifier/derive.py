"""All claims of a task derived again from its runs' values, in the order of the protocol."""

from typing import Any

import numpy as np

from .estimates import Estimate, Grid, TooFewModels, estimate, ladders
from .probability import fisher_greater
from .study import Study
from .verdicts import (
    CONDITIONAL,
    GAINS,
    KINDS,
    authors_weights,
    claimed,
    conditional,
    decide,
    holm,
    in_family,
    pooled_df,
    shown,
    step_up,
    tested,
)

Row = dict[str, Any]
EMPTY = {"pairs": 0, "models": 0, "in_range": 0}
NOTHING = ("total", "capability", "beyond")
P = ("gain", "sign", "none", "loss", "null", "wash", "epochs", "paid_epochs", "paid", "tax", "safer", "neutral")


def verdicts(study: Study, given: dict[tuple[str, str], Row]) -> list[Row]:
    """A row for each method and area of the task: estimates, p- and q-values, label, qualifier.

    given: the p-values, by method and measurement, of claims whose errors are a bootstrap's: those are taken as stated.
    """
    rows: list[Row] = []
    names = sorted(name for name, about in study.about.items() if about["axis"] == "safety")
    for name in names:
        found = study.measured(name)
        if np.isfinite(found["value"]).any():
            rows += _of_measurement(study, name, found, given)
    _with_families(rows, study.rule)
    for row in rows:
        _label(row, study.rule)
    return rows


def _of_measurement(study: Study, name: str, found: dict[str, Any], given: dict[tuple[str, str], Row]) -> list[Row]:
    moved = study.score_moved if found["moved"] is not None else None
    grid = Grid(found["y"], found["error"], found["moved"], study.score, moved, study.flops, study.families)
    rule, both = study.rule, ladders(grid, study.rule)
    margin, capability_margin = study.margin(name), study.capability_margin()
    rows, estimates = [], []
    for method in range(1, len(study.methods)):
        row: Row = {"method": study.methods[method], "measurement": name, "margin": margin, "matches": {}, **EMPTY}
        row |= {"capability_margin": capability_margin, "claimed": name in rule["claims"].get(row["method"], ())}
        row["blocks"] = _blocks(study, found, grid, method, _ends(study.scale(name), study.share(name)))
        try:
            row["estimate"] = estimate(grid, method, both, rule)
        except TooFewModels as error:
            row |= {"estimate": None, "stated": str(error), **given.get((row["method"], name), {})}
        estimates.append(row["estimate"])
        rows.append(row)
    factors = [pooled_df(estimates, which) for which in range(3)]
    for row in rows:
        made: Estimate | None = row["estimate"]
        if made is not None:
            alpha = rule["alpha"]
            row["matches"] = {
                match: tested(three, factors, margin, capability_margin, alpha) for match, three in made.matches.items()
            }
            row |= claimed(row["matches"])
            row |= {"pairs": made.pairs, "models": made.models, "in_range": made.in_range}
        elif "p_gain" not in row:
            row |= dict.fromkeys([f"p_{kind}" for kind in P])
    return rows


def _ends(scale: str, share: bool) -> tuple[float, float]:
    """Below and above which means of a share tell nothing."""
    if not share or scale == "identity":
        return -np.inf, np.inf
    return 0.05 if scale == "logit" else -np.inf, 0.95


def _blocks(study: Study, found: dict[str, Any], grid: Grid, method: int, ends: tuple[float, float]) -> list[str]:
    """The checks that a claim fails, of those that block it."""
    failed, rule = [], study.rule
    known = found["value"][np.isfinite(found["value"])]
    if len(known) and np.ptp(known) == 0:
        failed.append("saturation")
    else:
        means = []
        for k in (0, method):
            known = found["value"][k][np.isfinite(found["value"][k])]
            means.append(known.mean() if len(known) else 0.5)
        if max(means) < ends[0] or min(means) > ends[1]:
            failed.append("saturation")
    for name, k in (("validity", method), ("baseline validity", 0)):
        measured = np.isfinite(found["y"][k])
        if (found["blocked"][k] & measured).sum() > rule["max_flagged"] * measured.sum():
            failed.append(name)
    planned = [sum(row["method"] == name for row in study.ledger) for name in study.methods]
    kept = [int(each.sum()) for each in grid.usable]
    lost = [max(have - left, 0) for have, left in zip(planned, kept, strict=True)]
    others = sum(lost) - lost[method], sum(kept) - kept[method]
    if kept[method] and fisher_greater(lost[method], kept[method], *others) <= rule["alpha"]:
        failed.append("survivors")
    return failed


def _with_families(rows: list[Row], rule: Row) -> None:
    """Add the q-values of each kind of claim and of neutrality over all methods and areas, and Holm's p of the gain."""
    placebos = rule["placebos"]
    weights = authors_weights(rows, placebos) if rule["weigh_claims"] else None
    for kind in (*KINDS, "neutral"):
        how = conditional if kind in CONDITIONAL else step_up
        own = weights if kind in ("gain", "sign") else None
        for row, q in zip(rows, in_family(rows, f"p_{kind}", how, placebos, own), strict=True):
            row[f"q_{kind}"] = q
    for row, p in zip(rows, in_family(rows, "p_gain", holm, placebos), strict=True):
        row["p_family_wise"] = p


def _label(row: Row, rule: Row) -> None:
    """Add the label, its qualifier, the match it is shown with and that match's estimates."""
    alpha, rate, matches = rule["alpha"], rule["false_discovery_rate"], row["matches"]
    if not matches:
        row |= dict.fromkeys(NOTHING)
        row |= {"label": "BLOCKED" if row["blocks"] else "UNDETERMINED", "qualifier": "", "match": "epochs"}
        row |= {"starred": False, "label_ungated": "UNDETERMINED"}
        return
    first, _ = decide({**matches["epochs"], **row}, alpha, rate)
    match = shown(first, row, matches, alpha)
    as_trained = {
        name: matches["epochs"][name] for name in ("p_below", "p_loss", "p_null", "p_washing", "p_up", "p_lost")
    }
    of_claim = {name: each for name, each in row.items() if name.startswith(("p_", "q_", "capability_least"))}
    whole = {**matches[match], **as_trained, **of_claim}
    label, qualifier = decide(whole, alpha, rate)
    starred = label in GAINS and row["p_family_wise"] is not None and row["p_family_wise"] <= rate
    row |= {name: each for name, each in matches[match].items() if not name.startswith("p_")}
    row |= {"match": match, "label_ungated": label, "label": label, "qualifier": qualifier, "starred": starred}
    if row["blocks"]:
        row |= {"label": "BLOCKED", "qualifier": "", "starred": False}
