"""The average precision of attacks where a stated share of all rows are attacks.

In (0, 1]; an uninformed score has the base rate. Precision at a score is what it would be if the examples' attacks were
that share of the traffic: in most networks far less than in a test set (Axelsson 2000, doi 10.1145/357830.357849). The
score is one minus the probability of the benign class; all rows of other labels are attacks, known or (below 0) not.
n is the number of attacks.
"""

from collections.abc import Callable
from typing import Annotated

from pipelines.metrics._attacks import detection
from pipelines.metrics._ranks import average_precision
from pipelines.outcomes import Measured, Outcomes
from pipelines.parts import Range, Whole

HIGHER_IS_BETTER = True
RANGE = (0.0, 1.0)
CHANCE: float | None = 0.01
NEEDS: tuple[str, ...] = ("labels",)


def metric(
    *, base_rate: Annotated[float, Range(0, 0.99, low_open=True)] = 0.01, benign: Whole = 0
) -> Callable[[Outcomes], Measured]:
    """base_rate: the share of rows that are attacks. benign: the class that is no attack."""

    def attack_aupr(outcomes: Outcomes) -> Measured:
        return average_precision(*detection(outcomes, benign), base_rate)

    return attack_aupr
