"""One training run: a fresh policy, a method's hooks, games with a population of opponents and with itself.

Every step draws games, a seat in each and an opponent; the utility of its payoffs there and in play with its own frozen
copy is raised by Adam, by the exact gradient: payoffs are known in closed form, so no game is played.
"""

import math
from collections.abc import Collection
from contextlib import nullcontext
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import softplus

from pipelines.games.counting import SolveCount
from pipelines.games.method import Method, Step
from pipelines.games.opponents import population
from pipelines.games.payoffs import discounted, swapped
from pipelines.games.policy import Build, Policy
from pipelines.parts import Count, NonNegative, Positive
from pipelines.supervised.draws import seed_for, torch_generator
from pipelines.supervised.training import Diverged, Trained

LEAST_RATE = 0.05  # of the learning rate, at the end


@dataclass(frozen=True)
class Budget:
    """How much training a run gets: the same for every method of a study."""

    steps: int
    batch_size: int
    learning_rate: float
    entropy: float


def budget(
    *, steps: Count = 300, batch_size: Count = 256, learning_rate: Positive = 5e-3, entropy: NonNegative = 0.002
) -> Budget:
    """batch_size: games a step. learning_rate: at the start; it falls evenly to a twentieth. entropy: what the entropy
    of a move counts beside a payoff, in nats."""
    return Budget(steps, batch_size, learning_rate, entropy)


def train(
    build: Build,
    method: Method,
    games: Tensor,
    discount: float,
    budget: Budget,
    seed: int,
    checkpoints: Collection[int] = (),
) -> list[Trained]:
    """Train from scratch on games [n, 2, 4]; the policy after each of the steps in `checkpoints`, in order, then at the
    end. Every draw comes from `seed`. Raises Diverged.
    """
    policy = method.build(build, seed_for(seed, "weights")).to(games.device)
    games = method.prepare(games, torch_generator(seed, "method"))
    order, met, seats = (torch_generator(seed, purpose) for purpose in ("order", "opponents", "seats"))
    optimiser = torch.optim.Adam(policy.parameters(), budget.learning_rate, fused=True)
    schedule = torch.optim.lr_scheduler.LinearLR(optimiser, 1.0, LEAST_RATE, total_iters=budget.steps)
    count, losses, kept = SolveCount(), list[float](), dict[int, dict[str, NDArray[np.generic]]]()
    for step in range(1, budget.steps + 1):
        shown = games[torch.randint(len(games), (budget.batch_size,), generator=order).to(games.device)]
        second = torch.rand(budget.batch_size, generator=seats).to(games.device) < 0.5
        shown = torch.where(second[:, None, None], swapped(shown), shown)
        opponents = population(budget.batch_size, met).to(games.device)
        with count if step == 1 else nullcontext():
            losses.append(update(policy, method, shown, opponents, discount, budget.entropy, optimiser))
        schedule.step()
        if not math.isfinite(losses[-1]):
            raise Diverged(f"the loss is {losses[-1]} at step {step} of {budget.steps}")
        if step in checkpoints or step == budget.steps:
            kept[step] = weights_of(policy)
    last = max(1, budget.steps // 10)
    return [
        Trained(weights, float(count.total * step), step, float(np.mean(losses[max(0, step - last) : step])))
        for step, weights in kept.items()
    ]


def update(
    policy: Policy,
    method: Method,
    games: Tensor,
    opponents: Tensor,
    discount: float,
    entropy: float,
    optimiser: torch.optim.Optimizer,
) -> float:
    """One step of the optimiser; the loss before it. Of several members each has the gradient it would have alone."""
    with torch.no_grad():
        copies = policy.members(swapped(games))
    loss = torch.zeros(()).to(games)
    for own, copy in zip(policy.members(games), copies, strict=True):
        step = Step(own, copy, games, discount)
        gained = method.utility(method.self_play(step)) + method.utility(discounted(own, opponents, games, discount))
        loss = loss - (gained + method.beside(step)).mean() - entropy * entropy_of(own).mean()
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()
    return float(loss.detach())


def entropy_of(logits: Tensor) -> Tensor:
    """The entropy, in nats, of moves with these logits of cooperating."""
    return softplus(logits) - logits * logits.sigmoid()


def weights_of(policy: Policy) -> dict[str, NDArray[np.generic]]:
    """The policy's state as contiguous arrays of their own."""
    state = policy.backbone.state_dict()
    return {name: value.detach().cpu().contiguous().numpy().copy() for name, value in state.items()}
