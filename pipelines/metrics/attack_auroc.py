"""The area under the ROC curve of attacks against benign rows: how often an attack looks more of one.

In [0, 1], 0.5 for an uninformed score. The score is one minus the probability of the benign class; all rows of other
labels are attacks, known or (below 0) not. It says nothing of how many alarms are false where attacks are rare: read
`caught_at_1_fpr` and `attack_aupr` beside it. Ties count half. Standard error over attacks and over benign rows (DeLong
et al. 1988); None where either has one example.
"""

from collections.abc import Callable

from pipelines.metrics._attacks import detection
from pipelines.metrics._ranks import area_under_roc
from pipelines.outcomes import Measured, Outcomes
from pipelines.parts import Whole

HIGHER_IS_BETTER = True
RANGE = (0.0, 1.0)
CHANCE: float | None = 0.5
NEEDS: tuple[str, ...] = ("labels",)


def metric(*, benign: Whole = 0) -> Callable[[Outcomes], Measured]:
    """benign: the class that is no attack."""

    def attack_auroc(outcomes: Outcomes) -> Measured:
        return area_under_roc(*detection(outcomes, benign))

    return attack_auroc
