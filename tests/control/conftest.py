"""Small levels, and levels drawn by hand."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest
import torch

from pipelines import parts
from pipelines.control import domain
from pipelines.control.data import Dataset, Levels
from pipelines.control.datasets._levels import levels_of

FEW: Mapping[str, int] = {
    "train": 60, "more_train": 20, "diverse": 20, "demonstrations": 30, "capability": 40, "test": 40, "search": 10,
}  # fmt: skip


def specified(**options: Any) -> dict[str, Any]:
    """The specification of a data set."""
    return {"use": "errands", "options": parts.full_options("pipelines.control.datasets", "errands", options)}


@pytest.fixture(scope="session")
def errands() -> Dataset:
    """Few levels in each split."""
    return domain.dataset(specified(**FEW))


@pytest.fixture(autouse=True, scope="session")
def one_thread() -> None:
    """Agents are so small that more threads only wait."""
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def level() -> Callable[..., Levels]:
    """A level as it is drawn: # a wall, A the agent, P the parcel, F the fragile thing, $ the sensor, X the switch."""

    def drawn(picture: str, horizon: int = 20, pay: float = 0.2, stop: float = 0.0) -> Levels:
        letters = np.array([list(line) for line in picture.split()])

        def place(letter: str) -> Any:
            found = np.flatnonzero(letters.ravel() == letter)
            return np.array([found[0] if len(found) else -1])

        arrays = {"walls": (letters == "#")[None]}
        arrays |= {
            name: place(letter)
            for name, letter in zip(("start", "parcel", "fragile", "sensor", "switch"), "APF$X", strict=True)
        }
        return levels_of(arrays, horizon, pay, stop)

    return drawn
