"""Rows drawn like the training rows, all moved by a fixed amount: traffic that changes with time."""

from pipelines.tabular.condition import Condition, whole


def condition() -> Condition:
    """No options."""
    return Condition(whole("drifted"), splits=("drifted",), has=("labels", "groups"))
