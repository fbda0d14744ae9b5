"""Opponent shaping: the copy is expected to take a step up its own payoff (LOLA, Foerster et al. 2018, arXiv
1709.04326)."""

import torch
from torch import Tensor

from pipelines.games.method import Method, Step
from pipelines.games.payoffs import discounted
from pipelines.parts import Positive

TUNED = {"rate": (2.0, 100.0, "log")}


def method(*, rate: Positive = 20.0) -> Method:
    """rate: of the step that the copy is expected to take, in logits for each unit of its payoff's gradient. Cost 1.8.
    Claimed gain: welfare where selfish learners end up defecting."""

    def self_play(step: Step) -> Tensor:
        copy = step.copy.clone().requires_grad_()
        of_copy = discounted(step.own, copy, step.payoffs, step.discount)[:, 1]
        (gradient,) = torch.autograd.grad(of_copy.sum(), copy, create_graph=True)
        return discounted(step.own, step.copy + rate * gradient, step.payoffs, step.discount)

    return Method(self_play=self_play, cost=1.8)
