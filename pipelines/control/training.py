"""One training run: fresh agents, a method's hooks, PPO for a number of updates, on one device."""

import math
from collections.abc import Collection, Mapping
from contextlib import nullcontext
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pipelines.control.agent import Agent, Architecture, Policy
from pipelines.control.cloning import cloned
from pipelines.control.data import Levels
from pipelines.control.environment import playable
from pipelines.control.method import Learning, Method, Practice
from pipelines.control.ppo import LENGTH, learn, play_on
from pipelines.flops import FlopCount
from pipelines.parts import Count, Positive
from pipelines.supervised.draws import seed_for, torch_generator
from pipelines.supervised.training import Diverged, Trained, Weights

LEAST_RATE = 0.1  # of the learning rate, at the end


@dataclass(frozen=True)
class Budget:
    """How much training a run gets: the same for every method of a study.

    updates        pieces of play that are learnt from
    slots          episodes side by side
    learning_rate  at the beginning; it falls to a tenth
    """

    updates: int
    slots: int
    learning_rate: float


def budget(*, updates: Count, slots: Count = 256, learning_rate: Positive = 3e-3) -> Budget:
    """updates: pieces of play that are learnt from, each of 16 steps in every slot. slots: episodes side by side.
    learning_rate: Adam's at the beginning; it falls to a tenth."""
    return Budget(updates, slots, learning_rate)


def build(
    architecture: Architecture, trusted: Architecture, method: Method, observation: int, actions: int, seed: int
) -> Policy:
    """A method's policy with fresh weights; the first agent is the one that standard training begins with."""
    names = ["weights", *(f"weights/{member}" for member in range(1, method.members))]
    agents = [architecture(observation, actions, torch_generator(seed, name)) for name in names]
    beside = trusted(observation, actions, torch_generator(seed, "weights/trusted")) if method.trusted else None
    return Policy(agents, beside, method.acts)


def train(
    policy: Policy,
    method: Method,
    splits: Mapping[str, Levels],
    budget: Budget,
    seed: int,
    device: str = "cpu",
    checkpoints: Collection[int] = (),
) -> list[Trained]:
    """Train from scratch; the policy after each of the updates in `checkpoints`, in order, then at the end. Every draw
    comes from `seed`. Raises Diverged.
    """
    policy = policy.to(device)
    generator = torch_generator(seed, "method")
    levels = method.levels(splits, generator)
    practice = Practice(levels, splits, generator, torch.device(device))
    with FlopCount() as before:
        if policy.trusted is not None:
            cloned(policy.trusted, splits["demonstrations"], torch_generator(seed, "clone"), practice.device)
        learning = method.prepare(practice, policy.trusted)
    last = math.ceil(method.share * budget.updates)
    wanted = sorted({*checkpoints, budget.updates})
    agents = list(policy.agents)
    found: list[dict[int, tuple[Weights, float]]] = []
    update_flops = 0.0
    for member, agent in enumerate(agents):
        assert isinstance(agent, Agent)
        kept, flops = fit(agent, method, learning, levels, budget, seed_for(seed, f"play/{member}"), wanted, last)
        found.append(kept)
        update_flops += flops
    fixed = {name: array(value) for name, value in policy.state_dict().items() if name.startswith("trusted.")}
    results = []
    for step in wanted:
        weights = {f"agents.{n}.{name}": value for n, kept in enumerate(found) for name, value in kept[step][0].items()}
        loss = sum(kept[step][1] for kept in found) / len(found)
        results.append(Trained(weights | fixed, before.total + update_flops * min(step, last), step, loss))
    return results


def fit(
    agent: Agent,
    method: Method,
    learning: Learning,
    levels: Levels,
    budget: Budget,
    seed: int,
    wanted: Collection[int],
    last: int,
) -> tuple[dict[int, tuple[Weights, float]], float]:
    """Train an agent in place, for `last` updates; its weights and loss after those wanted, and the FLOPs of one."""
    device = next(agent.parameters()).device
    draws = torch.Generator().manual_seed(seed)
    world = playable(levels, budget.slots, draws, device)
    weights_of_levels = torch.ones(len(levels), device=device)

    def draw(count: int) -> Tensor:
        if learning.weigh is None:
            return torch.randint(len(levels), (count,), generator=draws).to(device)
        shares = weights_of_levels.cumsum(0)
        drawn = torch.rand(count, generator=draws).to(device) * shares[-1]
        return torch.searchsorted(shares, drawn, right=True).clamp(max=len(levels) - 1)

    rows = draw(budget.slots)
    world.restart(torch.ones_like(rows, dtype=torch.bool), rows)
    optimiser = torch.optim.Adam(agent.parameters(), budget.learning_rate, eps=1e-5, fused=True)
    kept: dict[int, tuple[Weights, float]] = {}
    loss, count = torch.zeros(()), FlopCount()
    for update in range(last):
        progress = update / budget.updates
        for group in optimiser.param_groups:
            group["lr"] = budget.learning_rate * (1 - (1 - LEAST_RATE) * progress)
        with count if update == 0 else nullcontext():
            piece, rows = play_on(agent, world, rows, draw, learning.reward, method.discount, draws)
            loss = learn(agent, optimiser, piece, learning.loss, progress, draws)
        if learning.weigh is not None:
            weights_of_levels = learning.weigh(weights_of_levels, piece)
        if not math.isfinite(loss):
            raise Diverged(f"the loss is {float(loss)} at update {update + 1} of {budget.updates}")
        if update + 1 in wanted:
            kept[update + 1] = weights_of(agent), float(loss)
    end = weights_of(agent), float(loss)
    return {step: kept.get(step, end) for step in wanted}, float(count.total)


def steps_of(budget: Budget) -> int:
    """The steps that agents take in a whole training."""
    return budget.updates * budget.slots * LENGTH


def weights_of(agent: Agent) -> Weights:
    """The agent's state as contiguous arrays of their own."""
    return {name: array(value) for name, value in agent.state_dict().items()}


def array(value: Tensor) -> NDArray[np.generic]:
    """A tensor as a contiguous array of its own."""
    found: NDArray[np.generic] = value.detach().cpu().contiguous().numpy().copy()
    return found
