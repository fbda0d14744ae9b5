"""Repeated games of two players with two moves each, to cooperate (C) or to defect (D), split by their use."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from pipelines.data import DataError

Floats = NDArray[np.float32]
Integers = NDArray[np.int64]

SPLITS = {
    "train": "games to learn from",
    "capability": "drawn like them, for the capability score alone",
    "test": "drawn like them",
}


@dataclass(frozen=True)
class Split:
    """Games.

    payoffs   float32 [n, 2, 4], in [0, 1]: of each player after CC, CD, DC and DD, its own move first
    kinds     int64 [n], index into kind_names
    discount  of the next round, in [0, 1)
    """

    payoffs: Floats
    kinds: Integers
    kind_names: tuple[str, ...]
    discount: float

    def __len__(self) -> int:
        return len(self.kinds)

    def take(self, rows: Integers) -> "Split":
        """The chosen games, in their order."""
        return Split(self.payoffs[rows], self.kinds[rows], self.kind_names, self.discount)


@dataclass(frozen=True)
class Shape:
    """What is known of a data set before it is made: its splits, the discount, the number of games to learn from."""

    splits: tuple[str, ...]
    discount: float
    train: int
    groups: bool = False

    @property
    def about(self) -> Mapping[str, float]:
        """What models are trained by."""
        return {"discount": self.discount}


@dataclass(frozen=True)
class Dataset:
    """A named set of splits."""

    name: str
    splits: Mapping[str, Split]


def nobody() -> Floats:
    """No opponents."""
    return np.zeros((0, 0, 5), dtype=np.float32)


@dataclass(frozen=True)
class Examples:
    """Games that are the same for every model, with the row of the split that each is, and the opponents met there.

    opponents  float32 [n, opponents, 5], logits as a policy has them; [0, 0, 5] where there are none
    """

    split: Split
    rows: Integers
    opponents: Floats = field(default_factory=nobody)

    def __len__(self) -> int:
        return len(self.rows)


@dataclass(frozen=True)
class Loader:
    """A data set not made yet: `shape` says cheaply what it will be, `load` makes it."""

    shape: Callable[[], Shape]
    load: Callable[[], Dataset]


def games_of(payoffs: NDArray[np.floating], kinds: Integers, kind_names: Sequence[str], discount: float) -> Split:
    """A Split. Raises DataError where a payoff is not finite or outside [0, 1], or a player's payoffs are all alike."""
    for what, wrong in (
        ("a payoff that is not finite", ~np.isfinite(payoffs)),
        ("a payoff outside [0, 1]", (payoffs < 0) | (payoffs > 1)),
        ("a player to whom all is one", np.ptp(payoffs, axis=2, keepdims=True) == 0),
    ):
        if wrong.any():
            raise DataError(f"{wrong.any(axis=(1, 2)).sum()} of {len(kinds)} games have {what}; accepted: none")
    return Split(np.ascontiguousarray(payoffs, dtype=np.float32), kinds, tuple(kind_names), discount)
