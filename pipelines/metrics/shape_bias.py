"""The share of answers by the label among those by the label or by the conflicting cue (Geirhos et al. 2019).

In [0, 1], 0.5 for answers at random. n counts those answers only: read it beside cue_conflict_coverage, since a
model that mostly answers neither has a share as well. The cue's class is the group. Standard error over those answers.
"""

from collections.abc import Callable

from pipelines.metrics._cues import answers_in_conflict, in_conflict
from pipelines.metrics._examples import mean_over_examples
from pipelines.outcomes import Measured, Outcomes, Unmeasurable

HIGHER_IS_BETTER = True
RANGE = (0.0, 1.0)
CHANCE: float | None = 0.5
NEEDS: tuple[str, ...] = ("labels", "groups")


def metric() -> Callable[[Outcomes], Measured]:
    """No options."""

    def shape_bias(outcomes: Outcomes) -> Measured:
        by_shape, by_cue = answers_in_conflict(outcomes)
        decided = by_shape | by_cue
        if not decided.any():
            raise Unmeasurable(f"none of {len(decided)} answers is the label or the cue's class")
        rows = in_conflict(outcomes)
        rows[rows] = decided
        return mean_over_examples(by_shape[decided], rows)

    return shape_bias
