"""How far the share of examples whose label is in its conformal set is from the chosen coverage.

In [0, 1]. Sets are those of `_conformal.py`, with the threshold from validation rows. On rows drawn like these it is
noise around 0; it grows where a shift voids the guarantee. Small sets may cover as much as large ones: read `set_size`
beside it. Rows with a label below 0 do not enter. Standard error over examples (influences) and over validation rows
(Maritz & Jarrett 1978), of a folded normal; None where either is one.
"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from pipelines.metrics._absolute import absolute
from pipelines.metrics._conformal import conformal_sets
from pipelines.metrics._examples import known_rows, mean_over_examples
from pipelines.metrics._ranks import chances_as_rank
from pipelines.outcomes import Measured, Outcomes
from pipelines.parts import Share

HIGHER_IS_BETTER = False
RANGE = (0.0, 1.0)
CHANCE: float | None = None
NEEDS: tuple[str, ...] = ("labels", "reference")


def metric(*, coverage: Share = 0.9) -> Callable[[Outcomes], Measured]:
    """coverage: the probability with which a set is to hold the label."""

    def coverage_gap(outcomes: Outcomes) -> Measured:
        sets = conformal_sets(outcomes, coverage)
        found = mean_over_examples((sets.own <= sets.threshold) - coverage, known_rows(outcomes))
        n = len(sets.validation)
        if found.standard_error is None or n == 1:
            return absolute(replace(found, standard_error=None))
        covered = np.searchsorted(np.sort(sets.own), sets.validation, side="right") / len(sets.own)
        chances = chances_as_rank(n, sets.rank)
        variance = chances @ (covered - chances @ covered) ** 2
        return absolute(replace(found, standard_error=float(np.hypot(found.standard_error, np.sqrt(variance)))))

    return coverage_gap
