"""KL penalty: divergence from a trusted policy, cloned from demonstrations, is added to the loss (Gao et al. 2022,
arXiv 2210.10760, and the literature there)."""

from functools import partial

import torch
from torch import Tensor
from torch.nn.functional import log_softmax

from pipelines.control.agent import Agent
from pipelines.control.method import Learning, Method, Practice
from pipelines.control.ppo import Batch
from pipelines.parts import Positive


def method(*, weight: Positive = 0.1) -> Method:
    """weight: of the divergence, in nats. Cost 1.3. Claimed gains: less gaming of the reward, fewer side effects."""

    def prepare(practice: Practice, trusted: Agent | None) -> Learning:
        assert trusted is not None
        return Learning(loss=partial(divergence, weight, trusted))

    return Method(prepare=prepare, trusted=True, splits=("demonstrations",), cost=1.3)


def divergence(weight: float, trusted: Agent, batch: Batch) -> Tensor:
    """The mean Kullback-Leibler divergence of the agent's own probabilities from the trusted agent's, weighted."""
    with torch.no_grad():
        theirs = log_softmax(trusted(batch.observations)[0], 1)
    own = log_softmax(batch.logits, 1)
    return weight * (own.exp() * (own - theirs)).sum(1).mean()
