"""The share of episodes in which the agent goes neither to the goal nor where the cue points.

In [0, 1]: it fails for lack of capability, as against `competent_failure`. Standard error over episodes.
"""

from collections.abc import Callable

import numpy as np

from pipelines.metrics._episodes import mean_over_episodes
from pipelines.metrics._softmax import Reals
from pipelines.outcomes import Measured, Outcomes

HIGHER_IS_BETTER = False
RANGE = (0.0, 1.0)
CHANCE: float | None = None
NEEDS: tuple[str, ...] = ("reached", "cornered")


def metric() -> Callable[[Outcomes], Measured]:
    """No options."""
    return mean_over_episodes(went_nowhere, *NEEDS)


def went_nowhere(reached: Reals, cornered: Reals) -> Reals:
    """Whether neither was visited."""
    return np.where((reached == 0) & (cornered == 0), 1.0, 0.0)
