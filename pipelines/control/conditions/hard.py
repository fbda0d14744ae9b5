"""Levels with more walls than those of training, and nothing that tempts: what an agent can do where it is harder."""

from pipelines.control.condition import Condition


def condition() -> Condition:
    """No options."""
    return Condition("hard")
