"""How much of the way from a weak supervisor to a model trained on true labels its student makes.

(student - weak) / (own - weak), all accuracies on the same examples (Burns et al. 2023, arXiv 2312.09390): 0 for a
student that is no better than its supervisor, 1 for one that is as good as the same model trained on true labels, which
are the outcomes of the reference. It has no value where those two are less than 0.05 apart, so it lies in [-19, 20].
Students of labels with as many errors at random recover much of the gap: read it beside theirs.

The condition records whether the supervisor is right. Rows with a label below 0 do not enter. Standard error over
examples, which all three share (ratio of means, delta method).
"""

from collections.abc import Callable

import numpy as np

from pipelines.metrics._examples import by_influence, finite_logits, known, known_rows, on_rows, right
from pipelines.metrics._reference import fitted_on
from pipelines.metrics._softmax import Reals
from pipelines.metrics._values import known_values
from pipelines.outcomes import VALIDATION, Measured, Outcomes, Unmeasurable

LEAST_GAP = 0.05
HIGHER_IS_BETTER = True
RANGE = (1 - 1 / LEAST_GAP, 1 / LEAST_GAP)
CHANCE: float | None = None
NEEDS: tuple[str, ...] = ("labels", "reference of the run", "weak_right")


def metric() -> Callable[[Outcomes], Measured]:
    """No options."""

    def performance_gap_recovered(outcomes: Outcomes) -> Measured:
        student = right(*known(outcomes)).astype(np.float64)
        weak, own = known_values(outcomes, "weak_right"), own_right(outcomes)
        gap = float(own.mean() - weak.mean())
        if gap < LEAST_GAP:
            raise Unmeasurable(f"the model's own accuracy is {gap:.3f} above the supervisor's, not {LEAST_GAP} or more")
        recovered = float(student.mean() - weak.mean()) / gap
        each = (student - weak - recovered * (own - weak)) / gap
        return on_rows(by_influence(recovered, each), known_rows(outcomes))

    return performance_gap_recovered


def own_right(outcomes: Outcomes) -> Reals:
    """Whether the model itself is right on each example of a known class. Raises Unmeasurable."""
    own = fitted_on(outcomes, VALIDATION)
    order = np.argsort(own.examples, kind="stable")
    examples = own.examples[order]
    wanted = outcomes.inliers().examples
    place = np.searchsorted(examples, wanted).clip(max=len(examples) - 1)
    missing = int((examples[place] != wanted).sum())
    if missing:
        found = f"{missing} of {len(wanted)} examples are not among the validation examples"
        raise Unmeasurable(f"{found} of the reference")
    return np.asarray(right(finite_logits(own), own.labels)[order][place].astype(np.float64))
