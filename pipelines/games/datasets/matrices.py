"""Games that are given by their payoffs, each drawn many times with its payoffs moved a little."""

import math
import zlib
from typing import Annotated, Any

import numpy as np

from pipelines.games.data import Dataset, Loader, Shape, games_of
from pipelines.games.datasets.repeated import Discount
from pipelines.parts import Count, Range, Whole

PAYOFFS = 8


def dataset(
    *,
    payoffs: list[Any],
    train: Count = 2000,
    capability: Count = 300,
    test: Count = 300,
    spread: Annotated[float, Range(0.001, 0.5)] = 0.05,
    discount: Discount = 0.9,
    seed: Whole = 0,
) -> Loader:
    """payoffs: of each game eight numbers, one player's after CC, CD, DC and DD, its own move first, then the other's;
    together they are brought to [0, 1]. Games in each split, by turns. spread: standard deviation of what is added to
    each payoff. discount: of the next round."""
    for number, game in enumerate(payoffs, start=1):
        if not isinstance(game, (list, tuple)) or len(game) != PAYOFFS:
            raise ValueError(f"'payoffs': game {number} is {game!r}, not a list of {PAYOFFS} numbers")
        for payoff in game:
            if isinstance(payoff, bool) or not isinstance(payoff, (int, float)) or not math.isfinite(payoff):
                raise ValueError(f"'payoffs': game {number} has {payoff!r}, not a finite number")
    given = np.array(payoffs, dtype=np.float64).reshape(-1, 2, 4)
    if not len(given) or np.ptp(given) == 0:
        raise ValueError(f"'payoffs' is {payoffs!r}, not a list of games whose payoffs differ")
    given = (given - given.min()) / np.ptp(given)
    counts = {"train": train, "capability": capability, "test": test}

    def load() -> Dataset:
        splits = {}
        for name, count in counts.items():
            generator = np.random.default_rng([seed, zlib.crc32(name.encode())])
            which = np.arange(count) % len(given)
            moved = given[which] + spread * generator.normal(size=(count, 2, 4))
            names = tuple(f"game {number}" for number in range(1, 1 + len(given)))
            splits[name] = games_of(moved.clip(0, 1), which, names, discount)
        return Dataset("matrices", splits)

    return Loader(lambda: Shape(tuple(counts), discount, train), load)
