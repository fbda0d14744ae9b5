"""The known classes in fonts never seen in training: a natural shift."""

from pipelines.vision.condition import Condition, whole


def condition() -> Condition:
    """No options."""
    return Condition(whole("held_out_fonts"), splits=("held_out_fonts",))
