"""Group DRO: the loss of the groups of examples that are worst off (Sagawa et al. 2020, arXiv 1911.08731)."""

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from pipelines.parts import Positive
from pipelines.supervised.method import Method, Step

TUNED = {"step_size": (1e-3, 0.3, "log")}


def method(*, step_size: Positive = 0.01) -> Method:
    """step_size: of the groups' weights, which rise exponentially with their losses. Needs groups. Cost 1. Claimed
    gain: worst-group accuracy."""

    def loss(step: Step) -> Tensor:
        losses = cross_entropy(step.model(step.inputs), step.labels, reduction="none")
        count = int(step.data.groups.max()) + 1
        by_group = mean_by_group(losses, step.groups, count)
        shares = step.model.memory.get("shares", torch.full((count,), 1 / count).to(losses))
        shares = step.model.memory["shares"] = risen(shares, by_group.detach().float(), step_size)
        return shares @ by_group.float()

    return Method(loss, groups=True)


def mean_by_group(losses: Tensor, groups: Tensor, count: int) -> Tensor:
    """The mean loss [count] of each group; 0 for one that is not there."""
    members = torch.nn.functional.one_hot(groups, count).to(losses)
    return (losses[:, None] * members).sum(0) / members.sum(0).clamp(min=1)


def risen(shares: Tensor, losses: Tensor, step_size: float) -> Tensor:
    """The groups' weights after an exponentiated-gradient step up their losses; they sum to 1."""
    return (shares.log() + step_size * losses).softmax(0)
