"""Consistency training: a model is trained to answer as it would have if nothing had been said before (bias-augmented
consistency training, Chua et al. 2024, arXiv 2403.05518)."""

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from pipelines.language.method import vocabulary_of
from pipelines.language.methods._openings import bare, claims_an_answer
from pipelines.parts import NonNegative, Share
from pipelines.supervised.method import Method, Step, plain_loss


def method(*, start: Share = 0.6, weight: NonNegative = 1.0) -> Method:
    """start: share of the training after which it begins. weight: of the cross-entropy to the model's own answer
    without what was said, on documents that claim an answer. No truth is used. Cost 1.3. Claimed gain: honesty."""

    def loss(step: Step) -> Tensor:
        if step.progress < start:
            return plain_loss(step)
        logits = step.model(step.inputs)
        claimed = claims_an_answer(step.inputs, vocabulary_of(step.data))
        with torch.no_grad():
            own = step.model(bare(step.inputs[claimed])).softmax(1)
        pulled = cross_entropy(logits[claimed], own, reduction="sum") / claimed.sum().clamp(min=1)
        return cross_entropy(logits, step.labels) + weight * pulled

    return Method(loss, cost=1.3, phases=(0.0, start))
