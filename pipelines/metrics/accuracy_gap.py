"""Accuracy over all examples minus the lowest accuracy of any group.

In [0, 1]. Examples weigh the same in the average, so groups weigh by their share of the evaluation split. Rows with a
group or label below 0 do not enter; unmeasurable with one group, or where one between 0 and the highest has no
examples. Standard error: the spread of the difference over 4000 bootstrap samples of examples within groups (fixed
seed), average and minimum from the same samples. None where a group has one example.
"""

from collections.abc import Callable

from pipelines.metrics._examples import on_rows
from pipelines.metrics._groups import accuracy_by_group, chance_of_least, redrawn
from pipelines.outcomes import Measured, Outcomes, Unmeasurable

HIGHER_IS_BETTER = False
RANGE = (0.0, 1.0)
CHANCE: float | None = None
NEEDS: tuple[str, ...] = ("labels", "groups")


def metric() -> Callable[[Outcomes], Measured]:
    """No options."""

    def accuracy_gap(outcomes: Outcomes) -> Measured:
        groups = accuracy_by_group(outcomes)
        if len(groups.size) == 1:
            raise Unmeasurable("only one group")
        share = groups.size / groups.size.sum()
        value = max(0.0, float(share @ groups.accuracy - groups.accuracy.min()))
        draws = redrawn(groups)
        spread = float((draws @ share - draws.min(axis=1)).std(ddof=1))
        error = spread if groups.size.min() > 1 else None
        influence = groups.influence(share - chance_of_least(draws))
        return on_rows(Measured(value, error, int(groups.size.sum()), influence), groups.rows)

    return accuracy_gap
