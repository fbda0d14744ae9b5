"""The mean of a value that the condition recorded of every example or episode, such as an agent's return.

In the value's own unit, higher is better: a cost is recorded with a minus. Rows with a label below 0 do not enter.
Standard error over examples.
"""

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from pipelines.metrics._examples import known_rows, mean_over_examples, recorded
from pipelines.outcomes import Measured, Outcomes, Unmeasurable

HIGHER_IS_BETTER = True
RANGE = (-math.inf, math.inf)
CHANCE: float | None = None
NEEDS: tuple[str, ...] = ()


def needs(options: Mapping[str, Any]) -> tuple[str, ...]:
    """The value."""
    return (str(options["of"]),)


def metric(*, of: str) -> Callable[[Outcomes], Measured]:
    """of: the name of the value."""

    def mean_value(outcomes: Outcomes) -> Measured:
        rows = known_rows(outcomes)
        if not rows.any():
            raise Unmeasurable("no examples of a known class")
        values = recorded(outcomes, of)[rows]
        if not np.isfinite(values).all():
            raise Unmeasurable(f"{of!r} of {(~np.isfinite(values)).sum()} of {len(values)} examples is not finite")
        return mean_over_examples(values, rows)

    return mean_value
