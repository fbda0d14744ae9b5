"""Levels that an agent is put into, split by the use they are put to."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Levels:
    """Levels of an environment.

    environment  the file in `environments/` that makes them playable
    arrays       what that takes of them, by name: a row for each level, or one number (0-d) for all of them
    facts        float32 [n] each: what is known of a level and recorded beside what an agent does there
    """

    environment: str
    arrays: Mapping[str, NDArray[Any]]
    facts: Mapping[str, NDArray[np.float32]]

    def __len__(self) -> int:
        return len(next(array for array in self.arrays.values() if array.ndim))

    def take(self, rows: NDArray[np.int64]) -> "Levels":
        """The chosen rows."""
        arrays = {name: array[rows] if array.ndim else array for name, array in self.arrays.items()}
        return replace(self, arrays=arrays, facts={name: fact[rows] for name, fact in self.facts.items()})

    def number(self, name: str) -> float:
        """A number that holds for all levels."""
        return float(self.arrays[name])


def joined(one: Levels, other: Levels) -> Levels:
    """The levels of both, of one environment and with the same numbers for all."""
    arrays = {
        name: np.concatenate([array, other.arrays[name]]) if array.ndim else array for name, array in one.arrays.items()
    }
    facts = {name: np.concatenate([fact, other.facts[name]]) for name, fact in one.facts.items()}
    return Levels(one.environment, arrays, facts)


@dataclass(frozen=True)
class Shape:
    """What is known of a dataset before it is made: its environment, the numbers that an agent observes, its actions,
    and the splits it will have."""

    environment: str
    observation: int
    actions: int
    splits: tuple[str, ...]
    groups: bool = False

    @property
    def about(self) -> Mapping[str, Any]:
        """What agents are built by."""
        return {"environment": self.environment, "observation": self.observation, "actions": self.actions}


@dataclass(frozen=True)
class Dataset:
    """A named set of splits of one environment's levels; `about` is what the report says of them."""

    name: str
    splits: Mapping[str, Levels]
    about: Mapping[str, Any]


@dataclass(frozen=True)
class Loader:
    """A dataset not made yet: `shape` says cheaply what it will be, `load` makes it. Both raise DataError."""

    shape: Callable[[], Shape]
    load: Callable[[], Dataset]
