"""Policies for whole families of games: a network from a game's payoffs to the five logits of `payoffs.py`."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

PAYOFFS, LOGITS = 8, 5


class Policy(nn.Module):
    """Logits of cooperating [n, 5] in games [n, 2, 4], the player being the first. backbone: all that is stored."""

    def __init__(self, backbone: nn.Module):
        super().__init__()
        self.backbone = backbone

    def forward(self, payoffs: Tensor) -> Tensor:
        """[n, 5]"""
        logits: Tensor = self.backbone(3 * (payoffs.flatten(1) - 0.5))
        return logits

    def members(self, payoffs: Tensor) -> list[Tensor]:
        """The logits of each policy that this one averages; its own where it averages none."""
        return [self(payoffs)]


class Averaged(Policy):
    """Policies side by side, which cooperate with the mean of their probabilities."""

    def __init__(self, each: list[Policy]):
        super().__init__(nn.ModuleList(policy.backbone for policy in each))
        self.each = each  # a plain list: the weights are in the backbone

    def forward(self, payoffs: Tensor) -> Tensor:
        """[n, 5]"""
        mean = torch.stack(self.members(payoffs)).sigmoid().mean(0)
        return torch.logit(mean, eps=1e-6)

    def members(self, payoffs: Tensor) -> list[Tensor]:
        """Theirs."""
        return [policy(payoffs) for policy in self.each]


Architecture = Callable[[], nn.Module]
Build = Callable[[int], Policy]  # a fresh policy, whose weights depend on the seed alone


def build(architecture: Architecture, seed: int) -> Policy:
    """A freshly initialised policy."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return Policy(architecture())


def count_parameters(policy: Policy) -> int:
    """The number of trainable numbers."""
    return sum(weights.numel() for weights in policy.parameters() if weights.requires_grad)
