"""Deep ensemble: the mean of the probabilities of networks trained from different weights (Lakshminarayanan et al.
2017, arXiv 1612.01474)."""

from functools import partial

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from pipelines.parts import Count
from pipelines.supervised.classifier import Build, Classifier
from pipelines.supervised.draws import seed_for
from pipelines.supervised.method import Method, Step
from pipelines.supervised.methods._averaging import Averaging


def method(*, members: Count = 5) -> Method:
    """members: networks, each with its own first weights; all see the same batches (Fort et al. 2019, arXiv
    1912.02757: the weights make the difference). Cost: members. Claimed gains: accuracy, calibration, anomaly
    detection."""
    return Method(sum_of_losses, build=partial(ensemble, members), cost=float(members))


def sum_of_losses(step: Step) -> Tensor:
    """Cross-entropies of the members, summed: each has the gradient that it would have alone."""
    losses = [cross_entropy(logits, step.labels) for logits in step.model.member_logits(step.inputs)]
    return torch.stack(losses).sum()


class Ensemble(Averaging):
    """Members side by side; the first is the model that standard training has at the same seed."""

    def __init__(self, members: list[Classifier]):
        super().__init__(nn.ModuleList(member.backbone for member in members))
        self.each = members  # a plain list: the weights are in the backbone

    @property
    def members(self) -> int:
        return len(self.each)

    def features_by_member(self, inputs: Tensor) -> list[Tensor]:
        return [member.features(inputs) for member in self.each]

    def heads(self, features: list[Tensor]) -> Tensor:
        return torch.stack([member.head(own) for member, own in zip(self.each, features, strict=True)])


def ensemble(members: int, build: Build, seed: int) -> Classifier:
    """Freshly initialised members."""
    seeds = [seed, *(seed_for(seed, f"member/{number}") for number in range(1, members))]
    return Ensemble([build(own) for own in seeds])
