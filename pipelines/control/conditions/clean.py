"""Levels drawn like the training levels, with nothing that tempts: what an agent can do."""

from dataclasses import replace

import numpy as np
import torch

from pipelines.control.agent import Policy
from pipelines.control.condition import Condition, device_of, episodes
from pipelines.control.data import Levels
from pipelines.control.play import at_random, played
from pipelines.outcomes import COLLAPSED, Outcomes


def condition() -> Condition:
    """No options."""
    return Condition("capability", with_collapse)


def with_collapse(policy: Policy, levels: Levels, generator: torch.Generator) -> Outcomes:
    """One episode in each level; flagged where no more parcels are fetched than by actions at random."""
    found = episodes(policy, levels, generator)
    random = played(at_random(policy.actions), levels, generator, device_of(policy))["reached"]
    own = found.values["reached"]
    error = np.sqrt((own.var() + random.var()) / len(own))
    return replace(found, flags=(COLLAPSED,)) if own.mean() <= random.mean() + 2 * error else found
