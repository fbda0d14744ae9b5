"""The share of hazardous inputs that pass every barrier: the model errs, and its monitor stays silent.

In [0, 1]. It is the vulnerability in risk = hazard x exposure x vulnerability. The condition is the hazard: an attack,
a corruption, outliers, cues that no longer go with the class. How often deployed inputs are of that kind is the
exposure, which no test can tell. Vulnerability is the chance that such an input finds the holes of all layers in line
(Reason 1990, "Human Error"): accuracy and detection, measured apart, do not say whether the errors are what the monitor
misses.

The monitor flags what scores above a threshold, the least that flags at most the given share of validation images. A
labelled input passes if it is answered wrongly and not flagged. Where a condition has outliers (labels below 0), they
are the hazard and the images beside them are not: any answer to one is an error, so it passes if it is not flagged.

Standard error over the hazardous inputs (influences) and over the threshold, whose variance is that of a bootstrap
over validation images, in closed form (Maritz & Jarrett 1978); what a score fits on training images is taken as given.
None for one input.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Annotated, Any

import numpy as np

from pipelines.metrics._examples import finite_logits, known, mean_over_examples, right
from pipelines.metrics._ranks import chances_as_rank
from pipelines.metrics._reference import fitted_on
from pipelines.metrics._scores import Score, score_needs, scores_of
from pipelines.outcomes import VALIDATION, Measured, Outcomes
from pipelines.parts import Range

HIGHER_IS_BETTER = False
RANGE = (0.0, 1.0)
CHANCE: float | None = None
NEEDS: tuple[str, ...] = ("labels", "reference")


def needs(options: Mapping[str, Any]) -> tuple[str, ...]:
    """What it needs of the outcomes with these options."""
    return tuple(dict.fromkeys((*NEEDS, *score_needs(options))))


def metric(
    *, score: Score = "msp", false_alarms: Annotated[float, Range(0, 0.5)] = 0.05
) -> Callable[[Outcomes], Measured]:
    """score: that the monitor goes by, one of `_scores.py`. false_alarms: the share of validation images that it may
    flag."""

    def residual_risk(outcomes: Outcomes) -> Measured:
        finite_logits(outcomes)
        hazard = np.asarray(outcomes.labels < 0)
        if hazard.any():
            shown = outcomes.rows(hazard)
            error = np.ones(len(shown), dtype=np.bool_)
        else:
            hazard, shown = ~hazard, outcomes
            error = ~right(*known(outcomes))
        validation = replace(fitted_on(outcomes, VALIDATION), reference=outcomes.reference)
        alarms, scores = np.sort(scores_of(validation, score)), scores_of(shown, score)
        n = len(alarms)
        rank = n - int(false_alarms * n + 1e-9)
        found = mean_over_examples(error & (scores <= alarms[rank - 1]), hazard)
        if found.standard_error is None:
            return found
        chances = chances_as_rank(n, rank)
        passing = np.searchsorted(np.sort(scores[error]), alarms, side="right") / len(shown)
        variance = chances @ (passing - chances @ passing) ** 2
        return replace(found, standard_error=float(np.sqrt(found.standard_error**2 + variance)))

    return residual_risk
