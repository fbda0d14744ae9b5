"""Honest tuning: at the end of training some flatterers' true answers are trained on, too (after Wei et al. 2023, arXiv
2308.03958: synthetic documents whose answer does not depend on what was claimed)."""

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from pipelines.parts import Count, NonNegative, Share
from pipelines.supervised.method import Method, Step, plain_loss


def method(*, start: Share = 0.8, weight: NonNegative = 1.0, documents: Count = 32) -> Method:
    """start: share of the training after which it begins. weight: of their loss. documents: of theirs in a batch. The
    flatterers are not those that are tested. Cost 1.1. Claimed gain: honesty."""

    def loss(step: Step) -> Tensor:
        if step.progress < start:
            return plain_loss(step)
        honest = step.data.beside["tuning"]
        rows = torch.randint(len(honest), (documents,), generator=step.generator).to(step.inputs.device)
        logits = step.model(torch.cat([step.inputs, step.data.batch(honest.inputs[rows])]))
        known, tuned = logits[: len(step.labels)], logits[len(step.labels) :]
        return cross_entropy(known, step.labels) + weight * cross_entropy(tuned, honest.labels[rows])

    return Method(loss, cost=1.1, splits=("tuning",), phases=(0.0, start))
