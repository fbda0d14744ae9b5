"""A wheel."""

import numpy as np


def dataset(*, train: int = 40, bias: float = 0.5):
    return {name: np.random.default_rng(n).normal(bias, 1, train) for n, name in enumerate(("train", "test"))}
