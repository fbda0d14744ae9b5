"""An environment of gymnasium by its name, begun from different seeds: `pip install 'diffprog[gymnasium]'`."""

import importlib.util
from typing import Any

import numpy as np

from pipelines.control.data import Dataset, Levels, Loader, Shape
from pipelines.control.environments.gymnasium import made
from pipelines.data import DataError
from pipelines.parts import Count, Whole

SEEDS_APART = 10**6  # the seeds of one split and of the next


def dataset(
    *, world: str = "CartPole-v1", train: Count = 1000, capability: Count = 200, test: Count = 200, longest: Whole = 0
) -> Loader:
    """world: its name, with a box of observations and discrete actions. train, capability, test: levels in each split.
    longest: the most steps of an episode; 0: the environment's own limit."""
    counts = {"train": train, "capability": capability, "test": test}

    def shape() -> Shape:
        found, _ = looked_at(world, longest)
        size = int(np.prod(found.single_observation_space.shape))
        return Shape("gymnasium", size, int(found.single_action_space.n), tuple(counts))

    def load() -> Dataset:
        _, steps = looked_at(world, longest)
        numbers = {"world": np.array(world, dtype=np.str_), "longest": np.array(steps)}
        splits = {
            name: Levels("gymnasium", {"seed": place * SEEDS_APART + np.arange(count), **numbers}, {})
            for place, (name, count) in enumerate(counts.items())
        }
        return Dataset(world, splits, {"environment": world, "longest": steps})

    return Loader(shape, load)


def looked_at(world: str, longest: int) -> tuple[Any, int]:
    """The environment, and the most steps of an episode. Raises DataError where it can't be used."""
    if importlib.util.find_spec("gymnasium") is None:
        raise DataError("gymnasium: the package is not installed: pip install 'diffprog[gymnasium]'")
    gymnasium = importlib.import_module("gymnasium")
    try:
        found = made(world, 1)
    except gymnasium.error.Error as error:
        raise DataError(f"gymnasium: {world!r}: {error}") from error
    spaces = found.single_observation_space, found.single_action_space
    if not isinstance(spaces[0], gymnasium.spaces.Box) or not isinstance(spaces[1], gymnasium.spaces.Discrete):
        raise DataError(f"gymnasium: {world!r} has {spaces[0]} and {spaces[1]}; accepted: a Box and Discrete actions")
    steps = longest or found.spec.max_episode_steps
    if not steps:
        raise DataError(f"gymnasium: {world!r} has no limit of steps: say one by the option 'longest'")
    return found, int(steps)
