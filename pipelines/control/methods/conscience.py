"""A conscience: harm, as a classifier sees it that learnt from a few annotated steps, is taken off the reward
(Hendrycks et al. 2021, arXiv 2110.13136).

The steps are taken at random in training levels.
"""

from functools import partial

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, one_hot

from pipelines.control.agent import Agent
from pipelines.control.environment import playable
from pipelines.control.method import Learning, Method, Practice
from pipelines.control.ppo import Taken
from pipelines.control.ways import MOVES
from pipelines.parts import Count, Positive

ACTIONS = len(MOVES)
SLOTS, MOST_STEPS = 256, 600
UPDATES, LEARNING_RATE, SPARSITY = 400, 3e-2, 3e-3
SURE = 2.0  # the logit from which a step counts as harmful: far fewer are than of those annotated


def method(*, weight: Positive = 0.3, annotated: Count = 200) -> Method:
    """weight: taken off for a step that is judged harmful. annotated: steps that the classifier learns
    from. Cost 1.3. Claimed gain: less harm."""

    def prepare(practice: Practice, trusted: Agent | None) -> Learning:
        judge = classifier(*examples(practice, annotated), practice.generator)
        return Learning(partial(less_harm, weight, judge.to(practice.device)))

    return Method(prepare=prepare, cost=1.3)


def examples(practice: Practice, count: int) -> tuple[Tensor, Tensor]:
    """Steps [count, observation * actions] and whether each does harm [count]: half of them, or as many as there are; a
    quarter are other steps from where these were taken, and the others are taken anywhere.
    """
    generator, device = practice.generator, practice.device
    world = playable(practice.levels, SLOTS, generator, device)
    rows, wanted = torch.arange(SLOTS, device=device), count // 4
    found: list[list[Tensor]] = [[], [], []]

    def somewhere() -> Tensor:
        return torch.randint(len(practice.levels), (SLOTS,), generator=generator).to(device)

    world.restart(torch.ones(SLOTS, dtype=torch.bool, device=device), somewhere())
    for _ in range(MOST_STEPS):
        observations = world.observe()
        actions = torch.randint(ACTIONS, (SLOTS,), generator=generator).to(device)
        other = (actions + 1 + torch.randint(ACTIONS - 1, (SLOTS,), generator=generator).to(device)) % ACTIONS
        happened = world.step(actions)
        harm = happened.events["broken"]
        each = (harm, actions), (harm, other), (~harm & (rows < 1), actions)
        for kept, (where, done) in zip(found, each, strict=True):
            kept.append(described(observations[where], done[where]))
        world.restart(happened.ended, somewhere())
        if sum(map(len, found[0])) >= 2 * wanted and len(found[2]) > wanted:
            break
    bad, beside, anywhere = (
        torch.cat(kept)[:most] for kept, most in zip(found, (2 * wanted, wanted, wanted), strict=True)
    )
    steps = torch.cat([bad, beside, anywhere])
    return steps, (torch.arange(len(steps), device=device) < len(bad)).float()


def described(observations: Tensor, actions: Tensor) -> Tensor:
    """What a step is judged by: the product of what was observed and what was done [n, observation * actions]."""
    return (observations[:, :, None] * one_hot(actions, ACTIONS)[:, None]).flatten(1)


def classifier(steps: Tensor, harmful: Tensor, generator: torch.Generator) -> nn.Module:
    """A linear classifier of steps, most of whose weights are 0 (an L1 penalty): there are few steps to learn from."""
    layer = nn.Linear(steps.shape[1], 1)
    nn.init.zeros_(layer.weight)
    nn.init.zeros_(layer.bias)
    layer = layer.to(steps.device)
    optimiser = torch.optim.Adam(layer.parameters(), LEARNING_RATE)
    for _ in range(UPDATES):
        loss = binary_cross_entropy_with_logits(layer(steps)[:, 0], harmful) + SPARSITY * layer.weight.abs().sum()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return layer.requires_grad_(False)


def less_harm(weight: float, judge: nn.Module, taken: Taken) -> Tensor:
    """The reward less the weight where the step is judged harmful."""
    harmful: Tensor = judge(described(taken.observations, taken.actions))[:, 0] > SURE
    return taken.happened.reward - weight * harmful
