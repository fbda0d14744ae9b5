"""Opponents, by name and at random. All remember one round: against these a longer memory gains nothing (Press & Dyson
2012, doi 10.1073/pnas.1206569109).
"""

from collections.abc import Mapping

import torch
from torch import Tensor

Moves = Mapping[str, tuple[int, ...]]

SURE = 4.0  # a logit: they err in one move of fifty-five
NAMED: Moves = {  # whether each cooperates in the first round, and after CC, CD, DC, DD, its own move first
    "always cooperates": (1, 1, 1, 1, 1),
    "always defects": (0, 0, 0, 0, 0),
    "tit for tat": (1, 1, 0, 1, 0),
    "grim": (1, 1, 0, 0, 0),
    "win-stay, lose-shift": (1, 1, 0, 0, 1),
}
UNSEEN: Moves = {  # not met in training
    "suspicious tit for tat": (0, 1, 0, 1, 0),
    "alternator": (1, 0, 0, 1, 1),
    "contrarian": (1, 0, 1, 0, 1),
    "exploiter of the kind": (0, 0, 0, 0, 1),
}
OF_EIGHT = 5  # so many of eight opponents are named ones, the others random


def population(count: int, generator: torch.Generator) -> Tensor:
    """Logits [count, 5] of opponents as training has them: five in eight by name, the others drawn with normal logits
    of standard deviation 2.
    """
    which = torch.randint(8, (count,), generator=generator)
    random = 2 * torch.randn(count, 5, generator=generator)
    return torch.where((which < OF_EIGHT)[:, None], logits_of(NAMED)[which.clamp(max=OF_EIGHT - 1)], random)


def logits_of(named: Moves) -> Tensor:
    """Logits [opponents, 5]."""
    return SURE * (2 * torch.tensor(list(named.values()), dtype=torch.float32) - 1)
