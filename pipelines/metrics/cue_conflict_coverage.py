"""The share of conflicting examples answered by their label or by their cue: what shape_bias is measured on.

In [0, 1]. The cue's class is the group; rows whose cue agrees with the label do not enter. Standard
error over examples.
"""

from collections.abc import Callable

from pipelines.metrics._cues import answers_in_conflict, in_conflict
from pipelines.metrics._examples import mean_over_examples
from pipelines.outcomes import Measured, Outcomes

HIGHER_IS_BETTER = True
RANGE = (0.0, 1.0)
CHANCE: float | None = None
NEEDS: tuple[str, ...] = ("labels", "groups")


def metric() -> Callable[[Outcomes], Measured]:
    """No options."""

    def cue_conflict_coverage(outcomes: Outcomes) -> Measured:
        by_shape, by_cue = answers_in_conflict(outcomes)
        return mean_over_examples(by_shape | by_cue, in_conflict(outcomes))

    return cue_conflict_coverage
