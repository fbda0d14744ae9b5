"""Random generators, each seeded from a run's seed and what it is drawn for, so that methods share what they can.

Two methods at one model and seed start from the same weights and see the data in the same order: a paired
difference between them then holds the method's effect and little else.
"""

import hashlib

import numpy as np
import torch


def seed_for(seed: int, purpose: str) -> int:
    """A seed in [0, 2**63) that depends on both arguments alone."""
    return int.from_bytes(hashlib.sha256(f"{seed}/{purpose}".encode()).digest()[:8]) >> 1


def torch_generator(seed: int, purpose: str) -> torch.Generator:
    """A generator on the CPU: the same draws on every device."""
    return torch.Generator().manual_seed(seed_for(seed, purpose))


def numpy_generator(seed: int, purpose: str) -> np.random.Generator:
    """The same for numpy arrays."""
    return np.random.default_rng(seed_for(seed, purpose))
