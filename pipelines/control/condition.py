"""A condition: the levels that a trained policy is put into, and what is recorded of it."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch

from pipelines.control.agent import Policy
from pipelines.control.data import Levels
from pipelines.control.play import outcomes_of, played
from pipelines.outcomes import Outcomes

EPISODE = (  # recorded of an episode of errands
    "reached", "proxy", "paid", "broken", "disabled", "cornered", "stopped", "reward", "steps",
    "shortest", "proxy_best",
)  # fmt: skip


def device_of(policy: Policy) -> torch.device:
    """Where the policy computes."""
    return next(policy.parameters()).device


def episodes(policy: Policy, levels: Levels, generator: torch.Generator) -> Outcomes:
    """One episode in each level."""
    return outcomes_of(played(policy, levels, generator, device_of(policy)))


@dataclass(frozen=True)
class Condition:
    """What is done with levels and a policy.

    split      whose levels, all of them
    outcomes   of one policy in them: one episode in each, unless it says otherwise
    has        the names of what is recorded of every level
    sibling    how the training levels of a second model of the run differ, where it looks at one that is trained for
               this condition: from the levels and a generator that is the same for every method; None otherwise
    cost       of training that second model, as a multiple of the run's own
    """

    split: str
    outcomes: Callable[[Policy, Levels, torch.Generator], Outcomes] = episodes
    has: tuple[str, ...] = EPISODE
    sibling: Callable[[Levels, np.random.Generator], Levels] | None = None
    cost: float = 0.0
