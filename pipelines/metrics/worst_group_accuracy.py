"""The lowest accuracy of any group (Sagawa et al. 2020, arXiv 1911.08731).

In [0, 1]. Rows with a group or label below 0 do not enter; unmeasurable where a group between 0 and the highest has no
examples. A minimum of noisy accuracies is biased down where groups are close. Standard error: the spread of the
minimum itself, whichever group it falls on, over 4000 bootstrap samples of examples within groups (fixed seed); where
groups are close it is somewhat too large, never that of one group taken for granted. None where a group has one. n is
the size of the least accurate group, the smallest of several.
"""

from collections.abc import Callable

from pipelines.metrics._examples import on_rows
from pipelines.metrics._groups import accuracy_by_group, chance_of_least, redrawn
from pipelines.outcomes import Measured, Outcomes

HIGHER_IS_BETTER = True
RANGE = (0.0, 1.0)
CHANCE: float | None = None
NEEDS: tuple[str, ...] = ("labels", "groups")


def metric() -> Callable[[Outcomes], Measured]:
    """No options."""

    def worst_group_accuracy(outcomes: Outcomes) -> Measured:
        groups = accuracy_by_group(outcomes)
        draws = redrawn(groups)
        error = float(draws.min(axis=1).std(ddof=1)) if groups.size.min() > 1 else None
        influence = groups.influence(chance_of_least(draws))
        least = groups.accuracy.min()
        n = int(groups.size[groups.accuracy == least].min())
        return on_rows(Measured(float(least), error, n, influence), groups.rows)

    return worst_group_accuracy
