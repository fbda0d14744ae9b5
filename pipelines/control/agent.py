"""Agents: networks with a policy and a value head, and policies made of one or several."""

from collections.abc import Callable, Sequence
from itertools import pairwise
from math import sqrt

import torch
from torch import Tensor, nn


class Agent(nn.Module):
    """A multilayer perceptron with tanh and two heads: logits of the actions, and the value of the state."""

    def __init__(self, widths: Sequence[int], actions: int, generator: torch.Generator):
        """widths: of the observation, then of each hidden layer. Orthogonal weights, those of the policy small, so that
        it begins as good as uniform (Andrychowicz et al. 2021, arXiv 2006.05990)."""
        super().__init__()
        layers = [layer for n, m in pairwise(widths) for layer in (linear(n, m, sqrt(2), generator), nn.Tanh())]
        self.body = nn.Sequential(*layers)
        self.policy = linear(widths[-1], actions, 0.01, generator)
        self.value = linear(widths[-1], 1, 1.0, generator)

    def forward(self, observations: Tensor) -> tuple[Tensor, Tensor]:
        """Logits [n, actions] and values [n] of observations [n, observation]."""
        hidden = self.body(observations)
        return self.policy(hidden), self.value(hidden)[:, 0]


Architecture = Callable[[int, int, torch.Generator], Agent]  # of observation and actions


def linear(inputs: int, outputs: int, gain: float, generator: torch.Generator) -> nn.Linear:
    """A linear layer with orthogonal weights and no bias to begin with."""
    layer = nn.Linear(inputs, outputs)
    nn.init.orthogonal_(layer.weight, gain, generator)
    nn.init.zeros_(layer.bias)
    return layer


def perceptron(width: int, hidden: int) -> Architecture:
    """The architecture of `hidden` layers of `width` units."""

    def build(observation: int, actions: int, generator: torch.Generator) -> Agent:
        return Agent([observation, *[width] * hidden], actions, generator)

    return build


class Policy(nn.Module):
    """What acts: agents, one or several, beside a trusted one where the method has it, and how they act together."""

    def __init__(self, agents: Sequence[Agent], trusted: Agent | None, acts: "Acts"):
        super().__init__()
        self.agents = nn.ModuleList(agents)
        self.trusted = trusted
        self.acts = acts
        self.actions = agents[0].policy.out_features

    def forward(self, observations: Tensor) -> Tensor:
        """Probabilities of the actions [n, actions]."""
        return self.acts(self, observations)


Acts = Callable[[Policy, Tensor], Tensor]


def mean_of_agents(policy: Policy, observations: Tensor) -> Tensor:
    """The mean of the agents' probabilities."""
    return torch.stack([agent(observations)[0].softmax(1) for agent in policy.agents]).mean(0)


def draw_actions(log_probabilities: Tensor, uniform: Tensor) -> Tensor:
    """An action of each row [n], by one draw from [0, 1) for each action [n, actions] (Gumbel's trick)."""
    exponential = -torch.log1p(-uniform)
    return (log_probabilities - exponential.log()).argmax(1)
