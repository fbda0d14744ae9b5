"""How far error predicted without labels, as how often two members of a model disagree, is from the error rate.

In [0, 1] (Jiang et al. 2022, arXiv 2106.13799). For models that average several; unmeasurable for one alone, which has
nobody to disagree with. Two members disagree about as often as one of them errs, and their average may err less. Where
it is near 0 chance puts it up, so it compares models on the same number of examples. Rows with a label below 0 do not
enter. Standard error over examples, of a folded normal; None for one example.
"""

from collections.abc import Callable

from pipelines.metrics._absolute import absolute
from pipelines.metrics._examples import known, known_rows, mean_over_examples, recorded, right
from pipelines.metrics._members import require_members
from pipelines.outcomes import Measured, Outcomes

HIGHER_IS_BETTER = False
RANGE = (0.0, 1.0)
CHANCE: float | None = None
NEEDS: tuple[str, ...] = ("labels", "members", "disagreement")


def metric() -> Callable[[Outcomes], Measured]:
    """No options."""

    def member_disagreement_error(outcomes: Outcomes) -> Measured:
        logits, labels = known(outcomes)
        require_members(outcomes)
        rows = known_rows(outcomes)
        wrong = ~right(logits, labels)
        return absolute(mean_over_examples(recorded(outcomes, "disagreement")[rows] - wrong, rows))

    return member_disagreement_error
