"""Levels as named arrays, and back: how they are stored."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipelines.control.data import Levels

Arrays = Mapping[str, NDArray[Any]]
ENVIRONMENT, FACT = "environment", "fact/"


def split_arrays(split: Levels) -> Arrays:
    """A split's arrays by name; each fact under its name after `fact/`."""
    facts = {f"{FACT}{name}": fact for name, fact in split.facts.items()}
    return {**split.arrays, **facts, ENVIRONMENT: np.array(split.environment, dtype=np.str_)}


def split_from(arrays: Arrays) -> Levels:
    """The levels of these arrays."""
    facts = {name.removeprefix(FACT): array for name, array in arrays.items() if name.startswith(FACT)}
    own = {name: array for name, array in arrays.items() if not name.startswith(FACT) and name != ENVIRONMENT}
    return Levels(str(arrays[ENVIRONMENT]), own, facts)


def examples_arrays(examples: Levels) -> Arrays:
    """Examples' arrays by name."""
    return split_arrays(examples)


def examples_from(arrays: Arrays) -> Levels:
    """The examples of these arrays."""
    return split_from(arrays)
