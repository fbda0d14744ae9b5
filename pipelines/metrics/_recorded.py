"""What a condition recorded of every example, where there may be no logits beside it."""

from collections.abc import Callable

import numpy as np

from pipelines.metrics._examples import known_rows, mean_over_examples, recorded
from pipelines.metrics._softmax import Reals
from pipelines.outcomes import Measured, Outcomes, Unmeasurable


def of_known(outcomes: Outcomes, name: str) -> Reals:
    """A value of each row whose label is not below 0 [n]. Raises Unmeasurable where there is none, or one is not
    finite.
    """
    rows = known_rows(outcomes)
    if not rows.any():
        raise Unmeasurable("no examples of a known class")
    values = recorded(outcomes, name)[rows]
    if not np.isfinite(values).all():
        raise Unmeasurable(f"{name!r} of {(~np.isfinite(values)).sum()} of {len(values)} examples is not finite")
    return values


def mean_of(name: str) -> Callable[[Outcomes], Measured]:
    """The mean of a value over the rows whose label is not below 0; standard error over them."""

    def mean(outcomes: Outcomes) -> Measured:
        return mean_over_examples(of_known(outcomes, name), known_rows(outcomes))

    return mean
