"""Questions about strangers of whom the document itself tells: whether a model uses what it reads."""

from pipelines.language.condition import Condition, whole


def condition() -> Condition:
    """No options."""
    return Condition(whole("context"), splits=("context",))
