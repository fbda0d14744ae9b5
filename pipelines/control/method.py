"""A method: what an intervention changes about training and acting, as hooks that mostly keep their defaults."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from pipelines.control.agent import Acts, Agent, mean_of_agents
from pipelines.control.data import Levels
from pipelines.control.ppo import Batch, Piece, Taken

Splits = Mapping[str, Levels]


def training_levels(splits: Splits, generator: torch.Generator) -> Levels:
    """The training levels as they are."""
    return splits["train"]


def as_given(taken: Taken) -> Tensor:
    """The reward as it is given."""
    return taken.happened.reward


@dataclass(frozen=True)
class Practice:
    """What a method may look at before training: the levels that it asked for, draws of its own, and the device."""

    levels: Levels
    splits: Splits
    generator: torch.Generator
    device: torch.device


@dataclass(frozen=True)
class Learning:
    """What an agent learns from beside the environment.

    reward  of a step as it was taken, [slots]
    loss    added to that of PPO, where there is one
    weigh   weights of the levels [n] by which the next ones are drawn, of the weights so far and what was played; all
            levels are as likely where there is none
    """

    reward: Callable[[Taken], Tensor] = as_given
    loss: Callable[[Batch], Tensor] | None = None
    weigh: Callable[[Tensor, Piece], Tensor] | None = None


def from_reward_alone(practice: Practice, trusted: Agent | None) -> Learning:
    """The reward as it is given, and nothing else."""
    return Learning()


@dataclass(frozen=True)
class Method:
    """The hooks of an intervention.

    levels    those to train on, of the splits
    prepare   what to learn from, made before training; with the trusted agent where the method has one
    acts      how agents act when they are evaluated
    trusted   whether it has a trusted agent, cloned from demonstrations
    splits    splits it learns from beside `train`
    cost      training time as a multiple of standard: what the sweep is ordered and estimated by
    members   agents that are trained, each on its own
    width     of the model, as a multiple of its own
    discount  of later rewards
    share     of the updates after which learning stops
    """

    levels: Callable[[Splits, torch.Generator], Levels] = training_levels
    prepare: Callable[[Practice, Agent | None], Learning] = from_reward_alone
    acts: Acts = mean_of_agents
    trusted: bool = False
    splits: tuple[str, ...] = ()
    cost: float = 1.0
    members: int = 1
    width: int = 1
    discount: float = 0.95
    share: float = 1.0
