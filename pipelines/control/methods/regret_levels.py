"""Regret-based levels: those in which most could still be gained are played more often (prioritised level replay, Jiang
et al. 2021, arXiv 2010.03934).

A level's regret is estimated by the mean of the positive advantages when it was last played; levels are drawn by the
rank of it.
"""

from functools import partial
from typing import Annotated

import torch
from torch import Tensor

from pipelines.control.agent import Agent
from pipelines.control.method import Learning, Method, Practice
from pipelines.control.ppo import Piece
from pipelines.parts import Positive, Range


def method(*, replay: Annotated[float, Range(0, 1)] = 0.3, temperature: Positive = 0.5) -> Method:
    """replay: share of the episodes drawn by rank, the others evenly. temperature: a level's probability falls
    with rank ** (-1 / temperature). Cost 1. Claimed gains: capability, goals reached where cue and goal are apart."""

    def prepare(practice: Practice, trusted: Agent | None) -> Learning:
        regret = torch.zeros(len(practice.levels), device=practice.device)
        return Learning(weigh=partial(by_regret, replay, temperature, regret))

    return Method(prepare=prepare)


def by_regret(replay: float, temperature: float, regret: Tensor, weights: Tensor, piece: Piece) -> Tensor:
    """The next weights of the levels; `regret` is brought up to date in place."""
    rows, gained = piece.rows.flatten(), piece.advantages.clamp(min=0).flatten()
    total = torch.zeros_like(regret).index_add_(0, rows, gained)
    steps = torch.zeros_like(regret).index_add_(0, rows, torch.ones_like(gained))
    torch.where(steps > 0, total / steps.clamp(min=1), regret, out=regret)
    rank = torch.empty_like(regret)
    rank[regret.argsort(descending=True, stable=True)] = torch.arange(1.0, len(regret) + 1, device=regret.device)
    shares = rank ** (-1 / temperature)
    return replay * shares / shares.sum() + (1 - replay) / len(regret)
