"""How one claim stands while all others stay as they were: its label, and how far it is from another."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import inf, log

import numpy as np
import polars as pl

from analysis.audit.claims import claimed
from analysis.audit.decision import GAINS, TINY, decide
from analysis.audit.families import CLAIMED, KINDS, beside, claim_weights, level_of
from analysis.audit.looks import PRICE, Look
from analysis.audit.settings import AuditSettings
from analysis.schema import CLAIM, Row

_RESTS_ON = {"REGRESSION": "loss", **dict.fromkeys(GAINS, "gain"), "NULL": "null", "WASHING": "wash"}
_RESTS_ON |= {"GAIN, SIZE OPEN": "sign", "NO GAIN": "none"}
_ORDER = ("loss", "gain", "null", "wash", "sign", "none")  # of the decision


@dataclass(frozen=True)
class Levels:
    """What a claim is held against: by kind, the p-value with which it is found; of all else, the look's share of the
    levels, and the p-values of PRICE that earlier looks have left.
    """

    found: Mapping[str, float]
    share: float = 1.0
    earlier: Mapping[str, float | None] = field(default_factory=dict)


def levels_left(
    verdicts: pl.DataFrame, settings: AuditSettings, look: Look | None = None
) -> dict[tuple[str, ...], Levels]:
    """Of each claim (CLAIM), the levels at which it is found while all others of its tier keep their p-values; a
    placebo's, and a blocked one's, among the real methods' and its own.
    """
    found: dict[tuple[str, ...], Levels] = {}
    share = look.share if look else 1.0
    rate, earlier = settings.false_discovery_rate * share, _prices(look)
    for _, rows in verdicts.group_by("tier", maintain_order=True):
        blocked = (rows["label"] == "BLOCKED").to_list()
        apart = np.asarray(beside(rows["method"].to_list(), settings.placebos, blocked))
        real = apart == ""
        p = {kind: rows[f"p_{kind}"].to_numpy().astype(float) for kind in KINDS}
        weights = claim_weights(rows["claimed"].filter(pl.Series(real)).to_list()) if settings.weigh_claims else None
        for number, key in enumerate(rows.select(CLAIM).iter_rows()):
            family = np.flatnonzero(real | (apart == apart[number]))
            place = int(np.searchsorted(family, number))
            own = {kind: weights if kind in CLAIMED and real[number] else None for kind in KINDS}
            level = {kind: level_of(p[kind][family], place, kind, rate, own[kind]) for kind in KINDS}
            found[key] = Levels(level, share, earlier.get(key, {}))
    return found


def _prices(look: Look | None) -> dict[tuple[str, ...], Row]:
    """The p-values of PRICE that earlier looks have left, by claim."""
    if look is None or look.earlier is None:
        return {}
    return {tuple(row[name] for name in CLAIM): row for row in look.earlier.select(*CLAIM, *PRICE).to_dicts()}


def standing(matches: Mapping[str, Row], levels: Levels, settings: AuditSettings) -> tuple[str, Row]:
    """The claim's label and its p-values, from its tested rows by match."""
    claim = claimed(matches)
    claim |= {name: _left(claim[name], levels.earlier.get(name), levels.share) for name in PRICE}
    found = {f"q_{kind}": 0.0 if _ratio(claim[f"p_{kind}"], levels.found[kind]) <= 0 else 1.0 for kind in KINDS}
    label, _ = decide({**matches["epochs"], **claim, **found, "q_neutral": None}, settings)
    return label, claim


def room(label: str, claim: Row, levels: Levels, settings: AuditSettings) -> float:
    """How far a claim with these p-values is from losing this label: the least of the logarithms of the ratios of
    p-value and level that would have to change sign; below 0 where it has lost it.
    """
    own = _RESTS_ON.get(label)
    before = _ORDER if own is None else _ORDER[: _ORDER.index(own)]
    ways = [_ratio(claim[f"p_{kind}"], levels.found[kind]) for kind in before]
    if own is not None:
        ways.append(-_ratio(claim[f"p_{own}"], levels.found[own]))
    if label in GAINS:
        taxed = max(_ratio(claim[name], settings.alpha) for name in ("p_tax", "p_safer"))
        paid = _ratio(claim["p_paid"], settings.alpha / 2)
        ways += [-taxed] if label == "DIFFERENTIAL" else [taxed, -paid if label == "TRADE-OFF" else paid]
    return min(ways)


def _left(p: float | None, earlier: float | None, share: float) -> float | None:
    """What `at_look` leaves of a p-value."""
    known = [*([] if p is None else [min(p / share, 1.0)]), *([] if earlier is None else [earlier])]
    return min(known, default=None)


def _ratio(p: float | None, level: float) -> float:
    return inf if p is None else log(max(p, TINY**2) / max(level, TINY**2))
