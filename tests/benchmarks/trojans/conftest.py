"""Simple images, and populations of untrained networks."""

from collections.abc import Callable

import numpy as np
import pytest
import torch

from benchmarks.trojans.networks import fresh, weights_of
from benchmarks.trojans.population import Member, Population, population
from pipelines.vision.data import Split, split_of
from pipelines.vision.triggers import FAMILIES

CLASSES, SIZE = 4, 16


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


def bright_quarters(count: int, seed: int) -> Split:
    """Four classes: which quarter of a noisy image is bright."""
    generator = np.random.default_rng(seed)
    labels = np.arange(count) % CLASSES
    images = generator.integers(0, 120, (count, SIZE, SIZE, 3))
    for label in range(CLASSES):
        top, left = 8 * (label // 2), 8 * (label % 2)
        images[labels == label, top : top + 8, left : left + 8] += 80
    return split_of(images.astype(np.uint8), labels)


@pytest.fixture(scope="session")
def quarters() -> Callable[[int, int], Split]:
    return bright_quarters


@pytest.fixture(scope="session")
def untrained() -> Callable[..., Population]:
    """So many pairs of untrained networks; the weights of the second of each are shifted, and its accuracy too."""

    def build(pairs: int, shift: float = 0.0) -> Population:
        families = tuple(FAMILIES)
        members = []
        for pair in range(pairs):
            for trojaned in (False, True):
                weights = weights_of(fresh(CLASSES, SIZE, seed=2 * pair + trojaned))
                weights = {name: value + np.float32(shift * trojaned) for name, value in weights.items()}
                values = {"accuracy": 0.9 - shift * trojaned}
                members.append(Member(pair, trojaned, families[pair % 4], pair % CLASSES, weights, values))
        return population(members, CLASSES, SIZE)

    return build
