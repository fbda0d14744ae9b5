"""How far accuracy predicted without labels, by the fall in mean confidence since validation, is from the accuracy.

In [0, 2]. Predicted is the validation accuracy less the fall (DoC, Guillory et al. 2021, arXiv 2107.03315, with the
fall taken as it is). Confidence is the highest probability. Where it is near 0 chance puts it up, so it compares
models on the same number of examples. Rows with a label below 0 do not enter. Standard error over examples
(influences) and over validation images, of a folded normal; None where either is one.
"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from pipelines.metrics._absolute import absolute
from pipelines.metrics._examples import known, known_rows, mean_over_examples, right
from pipelines.metrics._reference import fitted_on
from pipelines.metrics._softmax import confidence
from pipelines.outcomes import VALIDATION, Measured, Outcomes

HIGHER_IS_BETTER = False
RANGE = (0.0, 2.0)
CHANCE: float | None = None
NEEDS: tuple[str, ...] = ("labels", "reference")


def metric() -> Callable[[Outcomes], Measured]:
    """No options."""

    def difference_of_confidences_error(outcomes: Outcomes) -> Measured:
        here, there = overconfidence(outcomes), overconfidence(fitted_on(outcomes, VALIDATION))
        if here.standard_error is None or there.standard_error is None:
            error = None
        else:
            error = float(np.hypot(here.standard_error, there.standard_error))
        return absolute(replace(here, value=here.value - there.value, standard_error=error))

    return difference_of_confidences_error


def overconfidence(outcomes: Outcomes) -> Measured:
    """Mean confidence minus accuracy."""
    logits, labels = known(outcomes)
    return mean_over_examples(confidence(logits) - right(logits, labels), known_rows(outcomes))
