"""Classifiers whose probabilities are the mean of their members'."""

import math

import torch
from torch import Tensor

from pipelines.supervised.classifier import Classifier


class Averaging(Classifier):
    """The mean of the members' probabilities; features are theirs side by side, [n, members x d].

    The logits are the logarithm of that mean, moved by the mean of the members' log-sum-exp: softmax does not see the
    move, and scores that do, such as energy, keep their scale. With one member they are its own.
    """

    def features_by_member(self, inputs: Tensor) -> list[Tensor]:
        """Features [n, d] of each member."""
        raise NotImplementedError

    def heads(self, features: list[Tensor]) -> Tensor:
        """Logits [members, n, classes] of features [n, d] of each member."""
        raise NotImplementedError

    @property
    def members(self) -> int:
        """How many there are."""
        raise NotImplementedError

    def features(self, inputs: Tensor) -> Tensor:
        return torch.cat(self.features_by_member(inputs), dim=1)

    def head(self, features: Tensor) -> Tensor:
        return mean_of_members(self.heads(list(features.chunk(self.members, dim=1))))

    def member_logits(self, inputs: Tensor) -> Tensor:
        return self.heads(self.features_by_member(inputs))


def mean_of_members(logits: Tensor) -> Tensor:
    """Logits [n, classes] whose softmax is the mean over members of the softmax of [members, n, classes]."""
    scale = logits.logsumexp(dim=2, keepdim=True)
    mean = torch.logsumexp(logits - scale, dim=0) - math.log(len(logits))
    return mean + scale.mean(dim=0)
