"""Adversarial training: every batch is attacked by PGD before the step (Madry et al. 2018, arXiv 1706.06083)."""

from torch import Tensor
from torch.nn.functional import cross_entropy

from pipelines.parts import Count, Positive, Share
from pipelines.vision.attacks import projected_gradient
from pipelines.vision.method import Method, Step


def method(*, epsilon: Share = 4 / 255, steps: Count = 2, step_size: Positive = 0.7, warm_up: Share = 0.5) -> Method:
    """epsilon: largest change of a pixel, pixels being in [0, 1]. steps: of the attack. step_size: of each, as a share
    of epsilon. warm_up: share of the training during which epsilon rises from 0: without it a short training may
    never learn. Cost 1 + 2/3 for each of the steps. Claimed gain: adversarial robustness."""

    def loss(step: Step) -> Tensor:
        radius = epsilon * min(1.0, step.progress / warm_up) if warm_up else epsilon
        start = (2 * step.uniform(*step.images.shape) - 1) * radius
        step.model.eval()  # batch norm by its running statistics: the attack must not move them
        attacked = projected_gradient(step.model, step.images, step.labels, start, radius, step_size * radius, steps)
        step.model.train()
        return cross_entropy(step.model(attacked), step.labels)

    return Method(loss, cost=1 + 2 * steps / 3)
