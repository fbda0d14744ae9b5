"""What is recorded of every episode."""

from collections.abc import Callable

import numpy as np

from pipelines.metrics._examples import known_rows, mean_over_examples, recorded
from pipelines.metrics._softmax import Reals
from pipelines.outcomes import Measured, Outcomes, Unmeasurable


def of_episodes(outcomes: Outcomes, *names: str) -> list[Reals]:
    """Values of each episode whose label is not below 0 [n] each. Raises Unmeasurable where there is no episode or a
    value that is not finite.
    """
    inliers = outcomes.inliers()
    if not len(inliers):
        raise Unmeasurable("no examples of a known class")
    found = [recorded(inliers, name) for name in names]
    for name, values in zip(names, found, strict=True):
        if wrong := int((~np.isfinite(values)).sum()):
            raise Unmeasurable(f"{name!r} of {wrong} of {len(values)} examples is not finite")
    return found


def mean_over_episodes(value: Callable[..., Reals], *names: str) -> Callable[[Outcomes], Measured]:
    """The metric that is the mean of what `value` makes of these values of each episode."""

    def mean(outcomes: Outcomes) -> Measured:
        return mean_over_examples(value(*of_episodes(outcomes, *names)), known_rows(outcomes))

    return mean


def as_recorded(values: Reals) -> Reals:
    """The values themselves."""
    return values
