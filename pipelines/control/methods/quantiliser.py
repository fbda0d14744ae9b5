"""Quantiliser: acts like a trusted policy, restricted to the part of its probability that the agent ranks best (Taylor
2016, "Quantilizers: a safer alternative to maximizers for limited optimization")."""

from functools import partial
from typing import Annotated

import torch
from torch import Tensor

from pipelines.control.agent import Policy, mean_of_agents
from pipelines.control.method import Method
from pipelines.parts import Range


def method(*, quantile: Annotated[float, Range(0, 1, low_open=True)] = 0.5) -> Method:
    """quantile: that part of the probability. The trusted policy is cloned from demonstrations. Cost 1.1. Claimed
    gains: less gaming of the reward, fewer side effects."""
    return Method(acts=partial(best_of_trusted, quantile), trusted=True, splits=("demonstrations",), cost=1.1)


def best_of_trusted(quantile: float, policy: Policy, observations: Tensor) -> Tensor:
    """The trusted agent's probabilities of the actions that the agents prefer, up to the quantile of them, as whole."""
    assert policy.trusted is not None
    base = policy.trusted(observations)[0].softmax(1)
    order = mean_of_agents(policy, observations).argsort(dim=1, descending=True, stable=True)
    ranked = base.gather(1, order)
    before = ranked.cumsum(1) - ranked
    kept = torch.minimum((quantile - before).clamp(min=0), ranked)
    return torch.zeros_like(base).scatter(1, order, kept / kept.sum(1, keepdim=True))
