"""Environments of the package gymnasium, many at once (Towers et al. 2024, arXiv 2407.17032): an optional extra.

A level is a seed of the environment's reset. Observations are flattened, actions are discrete. Most of these
environments step one episode at a time in Python, a hundred times slower than `errands`.
"""

import importlib
from typing import Any

import numpy as np
import torch
from torch import Tensor

from pipelines.control.data import Levels
from pipelines.control.environment import Environment, Happened


def made(world: str, slots: int) -> Any:
    """A vector environment whose episodes are restarted when they are told to. Raises gymnasium's errors."""
    gymnasium = importlib.import_module("gymnasium")
    mode = gymnasium.vector.AutoresetMode.DISABLED
    return gymnasium.make_vec(world, slots, vectorization_mode="sync", vector_kwargs={"autoreset_mode": mode})


class Vectorised:
    """A vector environment as this domain plays it. A slot whose episode has ended begins its level again, unseen."""

    def __init__(self, levels: Levels, slots: int, device: torch.device):
        self.longest, self.device = int(levels.number("longest")), device
        self.seeds = levels.arrays["seed"]
        self.world = made(str(levels.arrays["world"]), slots)
        self.rows, self.time = np.zeros((2, slots), dtype=np.int64)
        self.seen, _ = self.world.reset(seed=[int(self.seeds[0])] * slots)
        self.ended = np.zeros(slots, dtype=bool)

    def observe(self) -> Tensor:
        """What the agents see, flattened."""
        flat = np.array(self.seen, dtype=np.float32).reshape(len(self.rows), -1)
        return torch.from_numpy(flat).to(self.device)

    def step(self, actions: Tensor) -> Happened:
        """Take these actions."""
        if self.ended.any():
            self.begin(self.ended)
        self.seen, reward, terminated, truncated, _ = self.world.step(actions.cpu().numpy())
        self.time += 1
        self.ended = terminated | truncated | (self.time >= self.longest)
        given, over, ended = (
            torch.from_numpy(each.copy()).to(self.device) for each in (reward, terminated, self.ended)
        )
        return Happened(given.float(), ended, {"terminated": over})

    def restart(self, where: Tensor, rows: Tensor) -> None:
        """Begin a new episode in these slots, with the seeds of these rows."""
        chosen = where.cpu().numpy()
        self.rows = np.where(chosen, rows.cpu().numpy(), self.rows)
        if chosen.any():
            self.begin(chosen)

    def begin(self, where: np.ndarray) -> None:
        """Reset these slots to their levels."""
        seeds = [int(seed) for seed in self.seeds[self.rows]]
        self.seen, _ = self.world.reset(seed=seeds, options={"reset_mask": where.copy()})
        self.time[where], self.ended = 0, self.ended & ~where


def environment(*, levels: Levels, slots: int, generator: torch.Generator, device: torch.device) -> Environment:
    """`seed` int64 [n], and for all levels `world`, the environment's name, and `longest`, the most steps."""
    return Vectorised(levels, slots, device)
