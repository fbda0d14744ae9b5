"""Auxiliary confidence loss: about strangers a model is trained more and more on its own answers in place of the
labels, which may be those of a weak supervisor (Burns et al. 2023, arXiv 2312.09390)."""

from torch import Tensor
from torch.nn.functional import cross_entropy

from pipelines.language.data import CONTEXT
from pipelines.parts import Share
from pipelines.supervised.method import Method, Step


def method(*, weight: Share = 0.5, start: Share = 0.4, full: Share = 0.7) -> Method:
    """weight: of its own answers, once it is full. start, full: shares of the training at which it begins to rise from
    0 and is full. Needs groups. Cost 1.1. Claimed gain: performance gap recovered."""
    if full <= start:
        raise ValueError(f"'full' is {full}, not above 'start', {start}")

    def loss(step: Step) -> Tensor:
        logits = step.model(step.inputs)
        labelled = cross_entropy(logits, step.labels, reduction="none")
        risen = weight * min(1.0, max(0.0, (step.progress - start) / (full - start)))
        own = cross_entropy(logits, logits.detach().argmax(1), reduction="none")
        share = risen * (step.groups == CONTEXT)
        return ((1 - share) * labelled + share * own).mean()

    return Method(loss, cost=1.1, groups=True)
