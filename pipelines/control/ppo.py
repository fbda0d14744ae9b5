"""Proximal policy optimisation: short pieces of many episodes, then a few steps up the clipped gain (Schulman et al.
2017, arXiv 1707.06347), advantages by Schulman et al. 2016 (arXiv 1506.02438).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from pipelines.control.agent import Agent, draw_actions
from pipelines.control.environment import Environment, Happened

LENGTH = 16  # steps of a piece, in each slot
EPOCHS, MINIBATCHES = 2, 4
CLIP, VALUE_WEIGHT, MOST_GRADIENT = 0.2, 0.5, 1.0
DECAY = 0.9  # of later errors in an advantage: lambda
ENTROPY = 0.03  # its weight at the beginning; it falls to 0

Reward = Callable[["Taken"], Tensor]
Draw = Callable[[int], Tensor]  # rows of the levels that begin next, int64 [slots]


class Taken(NamedTuple):
    """A step as it was taken, in every slot: what was observed and done, and what happened then."""

    observations: Tensor
    actions: Tensor
    happened: Happened


@dataclass(frozen=True)
class Piece:
    """A piece of every slot's episodes, [LENGTH, slots] each.

    rows        of the level that each step was in
    log_chosen  the log-probability that its action had
    advantages  how much better than foreseen it went from there
    returns     the value to be learnt
    """

    observations: Tensor
    actions: Tensor
    rows: Tensor
    log_chosen: Tensor
    advantages: Tensor
    returns: Tensor


@dataclass(frozen=True)
class Batch:
    """What a gradient is taken on: observations [n, observation], the agent's logits [n, actions] there, and the share
    of the training done.
    """

    observations: Tensor
    logits: Tensor
    progress: float


def play_on(
    agent: Agent,
    world: Environment,
    rows: Tensor,
    draw: Draw,
    reward: Reward,
    discount: float,
    generator: torch.Generator,
) -> tuple[Piece, Tensor]:
    """The next LENGTH steps of every slot, whose levels are `rows`, and the rows of its levels after them."""
    device = rows.device
    kept: list[tuple[Tensor, ...]] = []
    with torch.no_grad():
        for _ in range(LENGTH):
            observations = world.observe()
            logits, values = agent(observations)
            chances = logits.log_softmax(1)
            actions = draw_actions(chances, torch.rand(chances.shape, generator=generator).to(device))
            happened = world.step(actions)
            given = reward(Taken(observations, actions, happened))
            log_chosen = chances.gather(1, actions[:, None])[:, 0]
            kept.append((observations, actions, rows, log_chosen, values, given, happened.ended.float()))
            rows = torch.where(happened.ended, draw(len(rows)), rows)
            world.restart(happened.ended, rows)
        _, last = agent(world.observe())
    observations, actions, before, log_chosen, values, given, ended = map(torch.stack, zip(*kept, strict=True))
    advantages = advantages_of(given, torch.cat([values, last[None]]), ended, discount)
    return Piece(observations, actions, before, log_chosen, advantages, advantages + values), rows


def advantages_of(rewards: Tensor, values: Tensor, ended: Tensor, discount: float) -> Tensor:
    """Generalised advantages [length, slots], of rewards and ends (0 or 1) of each step and the values before each step
    and after the last one [length + 1, slots].
    """
    going_on = discount * (1 - ended)
    errors = rewards + going_on * values[1:] - values[:-1]
    advantages = torch.empty_like(errors)
    later = torch.zeros_like(errors[0])
    for step in range(len(errors) - 1, -1, -1):
        later = errors[step] + DECAY * going_on[step] * later
        advantages[step] = later
    return advantages


def learn(
    agent: Agent,
    optimiser: torch.optim.Optimizer,
    piece: Piece,
    extra: Callable[[Batch], Tensor] | None,
    progress: float,
    generator: torch.Generator,
) -> Tensor:
    """EPOCHS passes over a piece in MINIBATCHES batches; the last loss. `extra` is added to it."""
    observations = piece.observations.flatten(0, 1)
    each = torch.stack([piece.log_chosen, piece.advantages, piece.returns]).flatten(1)
    actions = piece.actions.flatten()[:, None]
    each[1] = (each[1] - each[1].mean()) / (each[1].std() + 1e-6)
    parameters = list(agent.parameters())
    loss = torch.zeros(())
    for _ in range(EPOCHS):
        order = torch.randperm(len(actions), generator=generator).to(actions.device)
        for rows in order.chunk(MINIBATCHES):
            seen = observations.index_select(0, rows)
            log_chosen, advantages, returns = each.index_select(1, rows)
            logits, values = agent(seen)
            chances = logits.log_softmax(1)
            ratio = (chances.gather(1, actions.index_select(0, rows))[:, 0] - log_chosen).exp()
            gain = torch.minimum(ratio * advantages, ratio.clamp(1 - CLIP, 1 + CLIP) * advantages).mean()
            entropy = -(chances.exp() * chances).sum(1).mean()
            loss = VALUE_WEIGHT * (values - returns).square().mean() - gain - ENTROPY * (1 - progress) * entropy
            if extra is not None:
                loss = loss + extra(Batch(seen, logits, progress))
            optimiser.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(parameters, MOST_GRADIENT)
            optimiser.step()
    return loss.detach()
