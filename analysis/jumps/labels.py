"""The label of a curve: first match of a fixed list, from what was judged and the adjusted p values."""

from analysis.jumps.artefact import Companion
from analysis.jumps.comparison import ALPHA
from analysis.jumps.decision import POWER, Judged

NONE = "NONE"
SMOOTH = "SMOOTH"
ACCELERATION = "ACCELERATION"
JUMP = "JUMP"
METRIC_ARTEFACT = "METRIC ARTEFACT"
SEED_MIXTURE = "SEED MIXTURE"
UNDETERMINED = "UNDETERMINED"


def label(
    judged: Judged,
    p: float,
    p_acceleration: float,
    *,
    companion: Companion | None = None,
    seeds_mixed: bool = False,
) -> tuple[str, str]:
    """The label and its reason in words. p and p_acceleration are adjusted over curves; `companion` is what was
    judged of the continuous companion, with its p, None where the metric is continuous itself or none was measured.
    """
    if seeds_mixed:
        return SEED_MIXTURE, "seeds form two groups, and the share of the upper one changes smoothly"
    if judged.flags(p):
        return _departing(judged, p, companion)
    if p_acceleration < ALPHA:
        if companion is not None and not companion.departs:
            return METRIC_ARTEFACT, "the continuous companion of the same outputs is smooth"
        return ACCELERATION, "faster than every smooth curve, but no jump"
    if judged.power < POWER:
        return UNDETERMINED, f"a step of {judged.smallest:.3g} would be seen with probability {judged.power:.2f}"
    if judged.p_flat < ALPHA:
        return SMOOTH, "a smooth curve suffices, and a jump of the smallest size would have been seen"
    return NONE, "no change, and a jump of the smallest size would have been seen"


def _departing(judged: Judged, p: float, companion: Companion | None) -> tuple[str, str]:
    """Of a curve that departs from every smooth one towards a jump."""
    if companion is not None and not companion.jumps_with(judged):
        if companion.judged.flags(companion.p):
            return METRIC_ARTEFACT, "the continuous companion changes elsewhere"
        return METRIC_ARTEFACT, "the continuous companion of the same outputs does not jump"
    if judged.abrupt(p):
        return JUMP, "abrupt, large and sharp"
    if not judged.sharp:
        return ACCELERATION, "too little of the change is within a fifth of the range"
    return ACCELERATION, "a slower transition fits better than a jump"
