"""Adversarial training: every batch is attacked by PGD before the step (Madry et al. 2018, arXiv 1706.06083), on the
features that an attacker can change."""

from torch import Tensor
from torch.nn.functional import cross_entropy

from pipelines.parts import Count, Positive
from pipelines.supervised.method import Method, Step
from pipelines.tabular.attack import attacked

TUNED = {"step_size": (0.3, 1.5, "log"), "epsilon": (0.03, 0.6, "log")}


def method(*, epsilon: Positive = 0.15, steps: Count = 1, step_size: Positive = 1.0, changeable: Count = 12) -> Method:
    """epsilon: largest change of a feature, in its own units. steps: of the attack, from a uniform start. step_size: of
    each, as a share of epsilon. changeable: so many features, from the first on, can be changed. Cost 1 + 0.8 for each
    of the steps. Claimed gain: robustness to evasion."""

    def loss(step: Step) -> Tensor:
        def of_rows(rows: Tensor) -> Tensor:
            return cross_entropy(step.model(rows), step.labels, reduction="sum")

        start = (2 * step.uniform(*step.inputs.shape) - 1) * epsilon
        rows = attacked(of_rows, step.inputs, start, epsilon, step_size * epsilon, steps, changeable, step.gradient)
        return cross_entropy(step.model(rows), step.labels)

    return Method(loss, cost=1 + 0.8 * steps)
