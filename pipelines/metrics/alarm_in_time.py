"""The share of streams that change in which the first alarm comes soon after the change, and none before.

In [0, 1]. How rarely the monitor raises an alarm where nothing changes is the condition's choice: compare at the same.
Standard error over streams, the monitor's threshold as it is.
"""

from collections.abc import Callable

from pipelines.metrics._examples import known_rows, mean_over_examples
from pipelines.metrics._recorded import of_known
from pipelines.outcomes import Measured, Outcomes
from pipelines.parts import Count

HIGHER_IS_BETTER = True
RANGE = (0.0, 1.0)
CHANCE: float | None = None
NEEDS: tuple[str, ...] = ("alarm_at", "change_at")


def metric(*, within: Count = 25) -> Callable[[Outcomes], Measured]:
    """within: so many rows, the first one after the change counted."""

    def alarm_in_time(outcomes: Outcomes) -> Measured:
        delay = of_known(outcomes, "alarm_at") - of_known(outcomes, "change_at")
        return mean_over_examples((delay >= 0) & (delay < within), known_rows(outcomes))

    return alarm_in_time
