"""The share of class information kept where a model may back off to a super-class, or none, to hold its error rate.

In [0, 1] (after Deng et al. 2012, "Hedging your bets", CVPR). The answer is the likeliest class if its probability is
above a threshold, else that class's super-class if its summed probability is, else none. A right answer that leaves s
of C classes open keeps log(C / s) / log(C) of the information in the label: 1 for the class, 0 for no answer; a wrong
answer keeps 0. The threshold is the least at which at most the given share of validation images is answered wrongly,
so a model keeps much if it is accurate and knows when it is not. Under a shift more answers may be wrong than that
share.

Rows with a label below 0 do not enter. Standard error over examples (influences) and over the threshold, whose
variance is that of a bootstrap over validation images, in closed form (Maritz & Jarrett 1978); None for one example.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Annotated

import numpy as np

from pipelines.metrics._backoff import answers_on_two_levels
from pipelines.metrics._examples import known, known_rows, mean_over_examples
from pipelines.metrics._ranks import chances_as_rank
from pipelines.metrics._reference import fitted_on
from pipelines.outcomes import VALIDATION, Measured, Outcomes
from pipelines.parts import Range

HIGHER_IS_BETTER = True
RANGE = (0.0, 1.0)
CHANCE: float | None = None
NEEDS: tuple[str, ...] = ("labels", "reference")


def metric(
    *, error: Annotated[float, Range(0, 0.5)] = 0.05, groups: list[list[int]] | None = None
) -> Callable[[Outcomes], Measured]:
    """error: the share of validation images that may be answered wrongly. groups: the classes of each super-class,
    each class in one; by default the first two classes, the next two, and so on."""
    if groups and len({each for group in groups for each in group}) < sum(map(len, groups)):
        raise ValueError("'groups' has a class twice")

    def backoff_information(outcomes: Outcomes) -> Measured:
        answers = answers_on_two_levels(*known(outcomes), groups)
        validation = answers_on_two_levels(*known(fitted_on(outcomes, VALIDATION)), groups)
        wrong_up_to = np.sort(validation.wrong_up_to())[::-1]
        n = len(wrong_up_to)
        rank = min(int(error * n + 1e-9), n - 1) + 1
        found = mean_over_examples(answers.information(wrong_up_to[rank - 1]), known_rows(outcomes))
        if found.standard_error is None:
            return found
        chances = chances_as_rank(n, rank)
        likely = chances > 1e-6
        values = np.array([answers.information(threshold).mean() for threshold in wrong_up_to[likely]])
        chances = chances[likely] / chances[likely].sum()
        variance = chances @ (values - chances @ values) ** 2
        return replace(found, standard_error=float(np.sqrt(found.standard_error**2 + variance)))

    return backoff_information
