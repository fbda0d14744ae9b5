"""What must hold before a verdict on pairs is given; as of a trained study, but for what pairs alone can lack."""

import numpy as np
import polars as pl

from analysis.audit.decision import LEAST_DF
from analysis.audit.gates import FEW_RUNGS, NO_LADDER, Gate, range_gate, saturated, saturation
from analysis.audit.schema import GATES
from analysis.audit.settings import AuditSettings
from analysis.pairs.effects import Pairs
from analysis.pairs.estimation import Found, Paired
from analysis.words import several


def gate_frame(paired: Paired, found: list[Found], settings: AuditSettings) -> pl.DataFrame:
    """The table GATES of the safety measurements."""
    rows = []
    names, axes = paired.grid.measurements["measurement"], paired.grid.measurements["axis"]
    for each in found:
        if axes[each.column] == "safety":
            claim = (paired.grid.domain, paired.grid.dataset, each.method, names[each.column])
            rows += [(*claim, *gate) for gate in _gates(paired, each, settings)]
    return pl.DataFrame(rows, schema=GATES.columns, orient="row")


def _gates(paired: Paired, found: Found, settings: AuditSettings) -> list[Gate]:
    pairs = paired.methods[found.method]
    of = found.beyond if found.beyond.pairs else found.total
    held = of.families
    return [
        _saturation(paired, found, pairs),
        _pairs(found, pairs, settings),
        ("families", held > LEAST_DF, False, _of_families(pairs, held, of.effective)),
        _ladder(paired, found, settings),
        _range(found, settings),
    ]


def _saturation(paired: Paired, found: Found, pairs: Pairs) -> Gate:
    value = paired.value(found.column)
    return saturation(saturated(paired.grid, found.column), value, value[pairs.baselines], value[pairs.models])


def _pairs(found: Found, pairs: Pairs, settings: AuditSettings) -> Gate:
    enough = found.cells >= settings.min_pairs
    detail = f"{found.cells} of {len(pairs.models)} pairs have the measurement and a capability score on both sides"
    return "pairs", enough, False, detail + ("" if enough else f": at least {settings.min_pairs} are needed")


def _of_families(pairs: Pairs, held: int, effective: float) -> str:
    if not len(pairs.models):
        return "no pairs"
    baselines, counts = np.unique(pairs.baselines, return_counts=True)
    families = len(np.unique(pairs.families))
    said = f"{several(len(pairs.models), 'pair')} of {several(len(baselines), 'baseline')}"
    said += f" in {several(families, 'family')}"
    said += f", {counts.max()} of them share one baseline" if counts.max() > 1 else ""
    said += "" if held == families else f", {several(held, 'family')} on the ladder"
    said += f", which count as {effective:.1f} of equal size" if effective < held - 0.05 else ""
    return said + ("" if held > LEAST_DF else f": at least {LEAST_DF + 1} families are needed")


def _ladder(paired: Paired, found: Found, settings: AuditSettings) -> Gate:
    if found.ladder is None:
        needed = f"{NO_LADDER}: at least {settings.min_rungs} baseline models of different capability are needed"
        return "ladder", False, False, needed
    rungs = len(found.ladder.rungs)
    if len(np.unique(paired.families[found.ladder.rungs])) < 2:
        needed = f"{NO_LADDER} that could be without a family: all {rungs} baseline models are of one"
        return "ladder", False, False, needed
    return "ladder", rungs >= FEW_RUNGS, False, f"{rungs} rungs, {FEW_RUNGS} recommended"


def _range(found: Found, settings: AuditSettings) -> Gate:
    return range_gate(bool(np.isfinite(found.beyond.point)), found.covered, found.cells, "pair", settings)
