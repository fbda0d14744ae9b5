"""Adversarial training: every batch is attacked by PGD before the step (Madry et al. 2018, arXiv 1706.06083)."""

from torch import Tensor
from torch.nn.functional import cross_entropy

from pipelines.parts import Count, Positive, Share
from pipelines.supervised.method import Method, Step
from pipelines.vision.attacks import projected_gradient

TUNED = {"step_size": (0.3, 1.5, "log"), "warm_up": (0.0, 0.8, "linear")}


def method(*, epsilon: Share = 4 / 255, steps: Count = 2, step_size: Positive = 0.7, warm_up: Share = 0.5) -> Method:
    """epsilon: largest change of a pixel, pixels being in [0, 1]. steps: of the attack. step_size: of each, as a share
    of epsilon. warm_up: share of the training during which epsilon rises from 0: without it a short training may
    never learn. Cost 1 + 0.8 for each of the steps. Claimed gain: adversarial robustness."""

    def loss(step: Step) -> Tensor:
        return cross_entropy(step.model(attacked(step, epsilon, steps, step_size, warm_up)), step.labels)

    return Method(loss, cost=1 + 0.8 * steps)


def radius(step: Step, epsilon: float, warm_up: float) -> float:
    """Epsilon, or less while it rises."""
    return epsilon * min(1.0, step.progress / warm_up) if warm_up else epsilon


def attacked(step: Step, epsilon: float, steps: int, step_size: float, warm_up: float) -> Tensor:
    """The batch attacked from a uniform start."""
    reach = radius(step, epsilon, warm_up)
    start = (2 * step.uniform(*step.inputs.shape) - 1) * reach
    step.model.eval()  # batch norm by its running statistics: the attack must not move them
    images = projected_gradient(
        step.model, step.inputs, step.labels, start, reach, step_size * reach, steps, step.gradient
    )
    step.model.train()
    return images
