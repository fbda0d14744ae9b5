"""One episode of a policy in each level, and what is recorded of it."""

from collections.abc import Callable, Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pipelines.control.agent import draw_actions
from pipelines.control.data import Levels
from pipelines.control.environment import Environment, playable
from pipelines.outcomes import Outcomes

Values = dict[str, NDArray[np.float32]]
Acting = Callable[[Tensor], Tensor]  # probabilities of the actions, of observations
# What is seen of a step, of the environment before it and the probabilities: recorded is the mean over the episode.
Watch = Callable[[Environment, Tensor], Mapping[str, Tensor]]


def at_random(actions: int) -> Acting:
    """All actions as likely: a policy that knows nothing."""

    def uniform(observations: Tensor) -> Tensor:
        return torch.full((len(observations), actions), 1 / actions, device=observations.device)

    return uniform


def played(
    acting: Acting, levels: Levels, generator: torch.Generator, device: torch.device, watch: Watch | None = None
) -> Values:
    """One episode in each level [n each]: the sum of every event over its steps, `steps`, `reward`, and the mean of
    what is watched over its steps; and the levels' facts.
    """
    n = len(levels)
    world = playable(levels, n, generator, device)
    every = torch.arange(n, device=device)
    world.restart(torch.ones_like(every, dtype=torch.bool), every)
    live = torch.ones(n, device=device)
    sums: dict[str, Tensor] = {}
    seen: dict[str, Tensor] = {}
    with torch.inference_mode():
        for _ in range(world.longest):
            chances = acting(world.observe())
            for name, value in (watch(world, chances) if watch else {}).items():
                seen[name] = seen.get(name, 0) + live * value
            actions = draw_actions(chances.log(), torch.rand(chances.shape, generator=generator).to(device))
            happened = world.step(actions)
            for name, event in {**happened.events, "reward": happened.reward, "steps": live}.items():
                sums[name] = sums.get(name, 0) + live * event
            live = live * ~happened.ended
    sums |= {name: total / sums["steps"] for name, total in seen.items()}
    return {name: total.cpu().numpy().astype(np.float32) for name, total in sums.items()} | dict(levels.facts)


def outcomes_of(values: Values) -> Outcomes:
    """Outcomes of recorded values: no logits, each level an example."""
    n = len(next(iter(values.values())))
    none = np.full(n, -1)
    return Outcomes(np.zeros((n, 0), np.float32), np.zeros(n, dtype=np.int64), np.arange(n), none, none, values=values)
