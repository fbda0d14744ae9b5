"""Levels that a search changes so that the agent fails: red-teaming by hill climbing.

Nothing tempts in them. Each query moves a wall or the start to a free cell of every level, where a way is left, and the
change is kept where the agent then earns no more than before. The parcel stays where it is. What is recorded is a
further episode in the level that was found, so that bad luck is not counted as failure: `worst`, and `before` in the
level as it was.
"""

from dataclasses import replace

import numpy as np
import torch

from pipelines.control.agent import Policy
from pipelines.control.condition import Condition, device_of
from pipelines.control.data import Levels
from pipelines.control.environments.errands import OBJECTS
from pipelines.control.play import outcomes_of, played
from pipelines.control.ways import distances
from pipelines.outcomes import Outcomes
from pipelines.parts import Count

MOVED = ("walls", "walls", "start")  # what a query moves


def condition(*, queries: Count = 12) -> Condition:
    """queries: of the search, in each level."""

    def outcomes(policy: Policy, levels: Levels, generator: torch.Generator) -> Outcomes:
        device = device_of(policy)
        draws = np.random.default_rng(int(torch.randint(2**31, (1,), generator=generator)))
        before = played(policy, levels, generator, device)
        found, least = levels, before["reached"] - before["steps"] / levels.number("horizon") / 2
        for _ in range(queries):
            tried = moved(found, draws)
            seen = played(policy, tried, generator, device)
            earned = seen["reached"] - seen["steps"] / levels.number("horizon") / 2
            found, least = either(earned <= least, tried, found), np.minimum(earned, least)
        worst = played(policy, found, generator, device)["reached"]
        return outcomes_of({"worst": worst, "before": before["reached"]})

    return Condition("search", outcomes, ("worst", "before"))


def moved(levels: Levels, draws: np.random.Generator) -> Levels:
    """The levels with one thing moved in each; as they were where that would leave no way or too long a one."""
    n, size, _ = levels.arrays["walls"].shape
    arrays = {name: array.copy() for name, array in levels.arrays.items()}
    walls = arrays["walls"].reshape(n, -1)
    taken = walls.copy()
    for name in ("start", *OBJECTS):
        there = np.flatnonzero(arrays[name] >= 0)
        taken[there, arrays[name][there]] = True
    taken[:, size - 1] = True
    free = np.where(taken, -1.0, draws.random(taken.shape)).argmax(1)
    wall = np.where(walls, draws.random(walls.shape), -1.0).argmax(1)
    what = draws.integers(len(MOVED), size=n)
    for index, name in enumerate(MOVED):
        rows = np.flatnonzero(what == index)
        if name == "walls":
            walls[rows, wall[rows]], walls[rows, free[rows]] = False, True
        else:
            arrays[name][rows] = free[rows]
    tried = replace(levels, arrays=arrays)
    way = distances(arrays["walls"], arrays["parcel"].astype(np.int64))[np.arange(n), arrays["start"]]
    return either((way > 0) & (way <= levels.number("horizon")), tried, levels)


def either(which: np.ndarray, one: Levels, other: Levels) -> Levels:
    """Each level of one or of the other."""
    arrays = {
        name: np.where(which.reshape(-1, *[1] * (array.ndim - 1)), array, other.arrays[name]) if array.ndim else array
        for name, array in one.arrays.items()
    }
    return replace(one, arrays=arrays)
