"""How far accuracy predicted without labels, as the share of examples above a confidence, is from the accuracy.

In [0, 1] (ATC, Garg et al. 2022, arXiv 2201.04234). Below the threshold are as many validation images as are answered
wrongly. Confidence is the highest probability (the paper's ATC-MC), at the model's temperature with `scaled: true`.
Where it is near 0 chance puts it up, so it compares models on the same number of examples. Rows with a label below 0
do not enter. Standard error over examples (influences) and over the threshold, from 200 bootstrap samples of
validation images (fixed seed), of a folded normal; None where examples or validation images are one.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipelines.metrics._absolute import absolute
from pipelines.metrics._examples import known, known_rows, mean_over_examples, pooled, right
from pipelines.metrics._reference import fitted_on
from pipelines.metrics._softmax import Reals, doubt
from pipelines.outcomes import VALIDATION, Measured, Outcomes

HIGHER_IS_BETTER = False
RANGE = (0.0, 1.0)
CHANCE: float | None = None
NEEDS: tuple[str, ...] = ("labels", "reference")
DRAWS = 200


def metric() -> Callable[[Outcomes], Measured]:
    """No options."""

    def thresholded_confidence_error(outcomes: Outcomes) -> Measured:
        logits, labels = known(outcomes)
        score, correct = -doubt(logits), right(logits, labels)
        logits, labels = known(fitted_on(outcomes, VALIDATION))
        order = np.argsort(-doubt(logits))
        validation, wrong = -doubt(logits)[order], pooled(~right(logits, labels), doubt(logits))[order]
        n = len(wrong)
        (threshold,) = thresholds(validation, wrong, np.ones((1, n)))
        found = mean_over_examples((score >= threshold) - correct.astype(np.float64), known_rows(outcomes))
        if found.standard_error is None or n == 1:
            return absolute(replace(found, standard_error=None))
        below = np.searchsorted(np.sort(score), thresholds(validation, wrong, resamples(n))) / len(score)
        return absolute(replace(found, standard_error=float(np.hypot(found.standard_error, below.std(ddof=1)))))

    return thresholded_confidence_error


def resamples(n: int) -> NDArray[np.int64]:
    """How often each of n examples is in each of the bootstrap samples [DRAWS, n]; the same at every call."""
    drawn = np.random.default_rng(0).integers(n, size=(DRAWS, n)) + n * np.arange(DRAWS)[:, None]
    return np.asarray(np.bincount(drawn.ravel(), minlength=DRAWS * n).reshape(DRAWS, n))


def thresholds(score: Reals, wrong: Reals, count: NDArray[Any]) -> Reals:
    """The score with as many below it as are wrong, in each sample that has so many of each example [samples, n];
    infinite where all are wrong. Scores go up.
    """
    errors = np.rint(count @ wrong)
    place = (count.cumsum(axis=1) <= errors[:, None]).sum(axis=1)
    return np.asarray(np.append(score, np.inf)[place])
