"""Games of two players and two moves, of six kinds, that are played again and again with a discount.

Four payoffs a > b > c > d, no two closer than .08, make a prisoner's dilemma (with twice the reward above temptation
and sucker's payoff together), a stag hunt, chicken, a battle of the sexes or a harmony game, by where they stand
(Rapoport & Guyer 1966); a sixth kind is any eight payoffs. All are drawn from [0, 1].
"""

import zlib
from collections.abc import Callable
from typing import Annotated

import numpy as np
from numpy.typing import NDArray

from pipelines.games.data import Dataset, Loader, Shape, games_of
from pipelines.parts import Range, Whole

Reals = NDArray[np.float64]
Games = Annotated[int, Range(6)]
Discount = Annotated[float, Range(0, 0.99)]
APART = 0.08
KINDS = {  # the places of a, b, c and d after CC, CD, DC and DD, of each player, its own move first
    "prisoners_dilemma": ("bdac", "bdac"),
    "stag_hunt": ("adbc", "adbc"),
    "chicken": ("bcad", "bcad"),
    "battle_of_the_sexes": ("addb", "bdda"),
    "harmony": ("abcd", "abcd"),
    "any": ("", ""),
}


def dataset(
    *, train: Games = 4000, capability: Games = 600, test: Games = 600, discount: Discount = 0.9, seed: Whole = 0
) -> Loader:
    """Games in each split, as many of one kind as of another. discount: of the next round; the mean number of rounds is
    1 / (1 - discount)."""
    counts = {"train": train, "capability": capability, "test": test}

    def load() -> Dataset:
        splits = {}
        for name, count in counts.items():
            generator = np.random.default_rng([seed, zlib.crc32(name.encode())])
            kinds = np.arange(count) % len(KINDS)
            payoffs = np.stack([drawn(list(KINDS)[kind], generator) for kind in kinds])
            splits[name] = games_of(payoffs, kinds, tuple(KINDS), discount)
        return Dataset("repeated", splits)

    return Loader(lambda: Shape(tuple(counts), discount, train), load)


def drawn(kind: str, generator: np.random.Generator) -> Reals:
    """The payoffs of a game of a kind [2, 4]."""
    if kind == "any":
        return generator.random((2, 4))
    dilemma = kind == "prisoners_dilemma"
    levels = ordered(generator, (lambda a, b, c, d: bool(2 * b > a + d)) if dilemma else None)
    return np.array([[levels["abcd".index(letter)] for letter in places] for places in KINDS[kind]])


def ordered(generator: np.random.Generator, accepts: Callable[..., bool] | None) -> Reals:
    """Four numbers from [0, 1], the highest first, of which no two are closer than is asked for."""
    while True:
        levels = np.sort(generator.random(4))[::-1]
        if -np.diff(levels).max() >= APART and (accepts is None or accepts(*levels)):
            return levels
