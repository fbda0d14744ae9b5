"""Invariant risk minimisation: one last layer that is best in every environment at once (IRMv1; Arjovsky et al. 2019,
arXiv 1907.02893)."""

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, one_hot

from pipelines.parts import NonNegative, Share
from pipelines.supervised.method import Method, Step

TUNED = {"weight": (0.1, 100.0, "log"), "warm_up": (0.1, 0.7, "linear")}


def method(*, weight: NonNegative = 1.0, warm_up: Share = 0.5) -> Method:
    """weight: of the penalty; where it is above 1 the loss is divided by it. warm_up: share of the training before the
    penalty. The environments are the even and the odd groups: where groups are classes by cues, the examples whose cue
    goes with their class and those whose cue conflicts with it. Needs groups. Cost 1. Claimed gain: accuracy where cues
    mislead."""

    def loss(step: Step) -> Tensor:
        logits = step.model(step.inputs)
        if step.progress < warm_up:
            return cross_entropy(logits, step.labels)
        environments = [rows for rows in (step.groups % 2 == 0, step.groups % 2 == 1) if rows.any()]
        risks = torch.stack([cross_entropy(logits[rows], step.labels[rows]) for rows in environments])
        penalties = torch.stack([penalty(logits[rows], step.labels[rows]) for rows in environments])
        return (risks.mean() + weight * penalties.mean()) / max(1.0, weight)

    return Method(loss, groups=True)


def penalty(logits: Tensor, labels: Tensor) -> Tensor:
    """Squared derivative of the cross-entropy by a factor of all logits, at 1."""
    excess = logits.softmax(1) - one_hot(labels, logits.shape[1])
    return (excess * logits).sum(1).mean().square()
