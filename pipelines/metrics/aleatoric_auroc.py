"""How often aleatoric uncertainty is higher on an image that shows two classes than on one that shows one.

In [0, 1], 0.5 for an uncertainty that does not notice. Aleatoric uncertainty is the entropy of the forecast, averaged
over the members of a model (Depeweg et al. 2018, arXiv 1710.07283; one alone has its own). Positives are the blends,
whose group is their second class, negatives the images without one; outliers do not enter. Standard error over both
(DeLong et al. 1988); None where either has one example.
"""

from collections.abc import Callable

from pipelines.metrics._examples import known, known_rows, on_rows, recorded
from pipelines.metrics._ranks import area_under_roc
from pipelines.outcomes import Measured, Outcomes, Unmeasurable

HIGHER_IS_BETTER = True
RANGE = (0.0, 1.0)
CHANCE: float | None = 0.5
NEEDS: tuple[str, ...] = ("labels", "groups", "aleatoric")


def metric() -> Callable[[Outcomes], Measured]:
    """No options."""

    def aleatoric_auroc(outcomes: Outcomes) -> Measured:
        known(outcomes)
        rows = known_rows(outcomes)
        blended = outcomes.groups[rows] >= 0
        if blended.all() or not blended.any():
            raise Unmeasurable(f"no examples of {'one class' if blended.all() else 'two classes'}")
        return on_rows(area_under_roc(recorded(outcomes, "aleatoric")[rows], blended), rows)

    return aleatoric_auroc
