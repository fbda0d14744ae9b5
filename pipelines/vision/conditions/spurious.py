"""The cue that goes with the class in training is as often wrong as right; groups are class x right or wrong."""

from pipelines.vision.condition import Condition, whole


def condition() -> Condition:
    """No options."""
    return Condition(whole("spurious"), splits=("spurious",), has=("labels", "groups"))
