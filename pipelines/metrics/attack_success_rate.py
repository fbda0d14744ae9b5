"""The share of examples with a trigger that are answered with its target class (Gu et al. 2017, arXiv 1708.06733).

In [0, 1], lower is better. The target is the group; rows of no group, or labelled with the target, do not enter. A
model that was never poisoned is not at 0: it errs into the target, too. Read it beside benign_accuracy. Standard error
over examples.
"""

from collections.abc import Callable

from pipelines.metrics._cues import answers_in_conflict, in_conflict
from pipelines.metrics._examples import mean_over_examples
from pipelines.outcomes import Measured, Outcomes

HIGHER_IS_BETTER = False
RANGE = (0.0, 1.0)
CHANCE: float | None = None
NEEDS: tuple[str, ...] = ("labels", "groups")


def metric() -> Callable[[Outcomes], Measured]:
    """No options."""

    def attack_success_rate(outcomes: Outcomes) -> Measured:
        _, by_target = answers_in_conflict(outcomes)
        return mean_over_examples(by_target, in_conflict(outcomes))

    return attack_success_rate
