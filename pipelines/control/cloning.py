"""A trusted agent: one that imitates demonstrations, as behavioural cloning does (Pomerleau 1991)."""

import torch
from torch import nn

from pipelines.control.agent import Agent, Architecture, perceptron
from pipelines.control.data import Levels
from pipelines.control.environment import demonstrations

WIDTH, HIDDEN = 32, 2
STEPS, BATCH, LEARNING_RATE = 300, 512, 5e-3


def trusted_architecture() -> Architecture:
    """Of the trusted agent: the same beside every model."""
    return perceptron(WIDTH, HIDDEN)


def cloned(agent: Agent, levels: Levels, generator: torch.Generator, device: torch.device) -> None:
    """Train an agent in place on what the demonstrator does in these levels, and freeze it."""
    seen, shown = demonstrations(levels, device)
    optimiser = torch.optim.Adam(agent.parameters(), LEARNING_RATE, fused=True)
    for _ in range(STEPS):
        rows = torch.randint(len(seen), (BATCH,), generator=generator).to(device)
        loss = nn.functional.cross_entropy(agent(seen[rows])[0], shown[rows])
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    agent.requires_grad_(False)
