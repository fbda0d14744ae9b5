"""What an environment has to offer: many episodes side by side, one in each slot."""

from collections.abc import Mapping
from typing import NamedTuple, Protocol

import torch
from torch import Tensor

from pipelines import parts
from pipelines.control.data import Levels

PACKAGE = "pipelines.control.environments"  # which of them a run is made with is in its specification and in its key


class Happened(NamedTuple):
    """What a step did in every slot.

    reward  float32 [slots], as given to the agent
    ended   bool [slots], whether the episode is over
    events  bool or float32 [slots] each, by name: what is recorded of an episode is their sum over its steps.
            `irreversible` is what an impact penalty is held against, where there is one
    """

    reward: Tensor
    ended: Tensor
    events: Mapping[str, Tensor]


class Environment(Protocol):
    """Episodes side by side. It is made with every slot at the start of some level."""

    @property
    def longest(self) -> int:
        """The most steps of an episode."""

    def observe(self) -> Tensor:
        """What the agents see, float32 [slots, observation]; not changed afterwards."""

    def step(self, actions: Tensor) -> Happened:
        """Take these actions, int64 [slots]. A slot whose episode has ended goes on until it is restarted."""

    def restart(self, where: Tensor, rows: Tensor) -> None:
        """Begin a new episode in the slots where `where` bool [slots] is true, on the levels with these rows, int64
        [slots]."""


def playable(levels: Levels, slots: int, generator: torch.Generator, device: torch.device) -> Environment:
    """The environment of these levels. All its own draws come from the generator, which is on the CPU."""
    options = {"levels": levels, "slots": slots, "generator": generator, "device": device}
    made: Environment = parts.load(PACKAGE, levels.environment, options)
    return made


def demonstrations(levels: Levels, device: torch.device) -> tuple[Tensor, Tensor]:
    """What can be observed in these levels [m, observation], and the probabilities of what a demonstrator does there
    [m, actions]: the environment's function of that name. Raises ValueError where it has none.
    """
    shown = getattr(parts.module(PACKAGE, levels.environment), "demonstrations", None)
    if shown is None:
        raise ValueError(f"the environment {levels.environment!r} has no demonstrations")
    found: tuple[Tensor, Tensor] = shown(levels, device)
    return found
