"""The shape of one class, the colour of another, whose class is the group (Geirhos et al. 2019, arXiv 1811.12231)."""

from pipelines.vision.condition import Condition, whole


def condition() -> Condition:
    """No options."""
    return Condition(whole("cue_conflict"), splits=("cue_conflict",), has=("labels", "groups"))
