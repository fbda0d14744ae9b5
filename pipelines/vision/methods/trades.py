"""TRADES: the loss on clean images, and how far an attack moves the predictions (Zhang et al. 2019, arXiv
1901.08573)."""

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, kl_div

from pipelines.parts import Count, NonNegative, Positive, Share
from pipelines.supervised.method import Method, Step
from pipelines.vision.methods.adversarial import radius

TUNED = {"beta": (1.0, 10.0, "log"), "step_size": (0.3, 1.5, "log"), "warm_up": (0.0, 0.8, "linear")}


def method(
    *,
    epsilon: Share = 4 / 255,
    steps: Count = 2,
    step_size: Positive = 0.7,
    warm_up: Share = 0.5,
    beta: NonNegative = 6.0,
) -> Method:
    """epsilon: largest change of a pixel, pixels being in [0, 1]. steps: of the attack, from a point next to the image.
    step_size: of each, as a share of epsilon. warm_up: share of the training during which epsilon rises from 0. beta:
    weight of the divergence. Cost 2.2 + 0.8 for each of the steps. Claimed gain: adversarial robustness."""

    def loss(step: Step) -> Tensor:
        reach = radius(step, epsilon, warm_up)
        moved = diverging(step, reach, step_size * reach, steps)
        logits = step.model(step.inputs)
        return cross_entropy(logits, step.labels) + beta * divergence(logits, step.model(moved)).mean()

    return Method(loss, cost=2.2 + 0.8 * steps)


def divergence(reference: Tensor, logits: Tensor) -> Tensor:
    """Kullback-Leibler divergence [n] from the reference's probabilities to the others."""
    return kl_div(logits.log_softmax(1), reference.log_softmax(1), reduction="none", log_target=True).sum(1)


def diverging(step: Step, epsilon: float, step_size: float, steps: int) -> Tensor:
    """The batch moved within `epsilon` (L-infinity) by signed gradient steps that raise the divergence."""

    def loss(points: Tensor) -> Tensor:
        return divergence(reference, step.model(points)).sum()

    low, high = (step.inputs - epsilon).clamp(min=0), (step.inputs + epsilon).clamp(max=1)
    step.model.eval()  # batch norm by its running statistics: the attack must not move them
    with torch.no_grad():
        reference = step.model(step.inputs)
    moved = step.inputs + 0.001 * step.normal(*step.inputs.shape)
    for _ in range(steps):
        moved = torch.clamp(moved + step_size * step.gradient(loss, moved).sign(), low, high)
    step.model.train()
    return moved
