"""A method: what an intervention changes about training, as hooks that mostly keep their defaults."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from pipelines.games.payoffs import discounted
from pipelines.games.policy import Build, Policy


@dataclass(frozen=True)
class Step:
    """One policy in one training step.

    own       its logits [n, 5], with a gradient
    copy      those of its copy as the other player, frozen
    payoffs   the games [n, 2, 4]
    discount  of the next round
    """

    own: Tensor
    copy: Tensor
    payoffs: Tensor
    discount: float


def own_payoff(payoffs: Tensor) -> Tensor:
    """The player's own [n] of both players' payoffs [n, 2]."""
    return payoffs[:, 0]


def against_a_frozen_copy(step: Step) -> Tensor:
    """Both players' payoffs [n, 2], the other player being the policy itself, which does not move."""
    return discounted(step.own, step.copy, step.payoffs, step.discount)


def nothing_more(step: Step) -> Tensor:
    """Nothing [n]."""
    return torch.zeros(len(step.own)).to(step.own)


def same_games(games: Tensor, generator: torch.Generator) -> Tensor:
    """The games as they are."""
    return games


def same_build(build: Build, seed: int) -> Policy:
    """The policy that it is given."""
    return build(seed)


@dataclass(frozen=True)
class Method:
    """The hooks of an intervention.

    utility    what is maximised [n], of both players' payoffs [n, 2], the own first
    self_play  both players' payoffs [n, 2] of a policy with its copy
    beside     what is maximised beside that [n]
    prepare    the games before training
    cost       training time as a multiple of standard
    build      the policy, of how one is made and a seed; made again to be evaluated
    width      of the model, as a multiple of its own
    """

    utility: Callable[[Tensor], Tensor] = own_payoff
    self_play: Callable[[Step], Tensor] = against_a_frozen_copy
    beside: Callable[[Step], Tensor] = nothing_more
    prepare: Callable[[Tensor, torch.Generator], Tensor] = same_games
    cost: float = 1.0
    build: Callable[[Build, int], Policy] = same_build
    width: int = 1
