"""The share of frames answered otherwise than the frame that they are compared with (Hendrycks & Dietterich 2019).

In [0, 1]; 0 for a constant answer, right or wrong: read it beside an accuracy. Under `perturbations` the frame before,
or the clean one; under `cue_swap` the same image with its class's own cue (counterfactual flip rate). Standard error
over examples, whose frames go together.
"""

from collections.abc import Callable

from pipelines.metrics._pairs import flips, mean_over_films
from pipelines.outcomes import Measured, Outcomes

HIGHER_IS_BETTER = False
RANGE = (0.0, 1.0)
CHANCE: float | None = None
NEEDS: tuple[str, ...] = ("labels", "frame", "compared_with")


def metric() -> Callable[[Outcomes], Measured]:
    """No options."""

    def flip_rate(outcomes: Outcomes) -> Measured:
        rows, flipped = flips(outcomes)
        return mean_over_films(flipped, rows, outcomes)

    return flip_rate
