"""Episodes of any environment: the return as it is given, and the steps taken."""

from typing import Literal

from pipelines.control.condition import Condition


def condition(*, split: Literal["capability", "test"] = "capability") -> Condition:
    """split: whose levels."""
    return Condition(split, has=("reward", "steps"))
