"""The area under the ROC curve of wrong against right answers: how often a wrong one is the less confident.

In [0, 1], 0.5 for an uninformed confidence. Confidence is the highest probability; ties count half (Hendrycks &
Gimpel 2017, arXiv 1610.02136). Rows with a label below 0 do not enter. Unmeasurable where all answers are right or
all wrong. Standard error over wrong and over right examples (DeLong et al. 1988); None where either has one example.
"""

from collections.abc import Callable

from pipelines.metrics._examples import known, known_rows, on_rows, right
from pipelines.metrics._ranks import area_under_roc
from pipelines.metrics._softmax import doubt
from pipelines.outcomes import Measured, Outcomes, Unmeasurable

HIGHER_IS_BETTER = True
RANGE = (0.0, 1.0)
CHANCE: float | None = 0.5
NEEDS: tuple[str, ...] = ("labels",)


def metric() -> Callable[[Outcomes], Measured]:
    """No options."""

    def error_detection_auroc(outcomes: Outcomes) -> Measured:
        logits, labels = known(outcomes)
        correct = right(logits, labels)
        if correct.all() or not correct.any():
            raise Unmeasurable(f"all {len(correct)} answers are {'right' if correct.all() else 'wrong'}")
        return on_rows(area_under_roc(doubt(logits), ~correct), known_rows(outcomes))

    return error_detection_auroc
