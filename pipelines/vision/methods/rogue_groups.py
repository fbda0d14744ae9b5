"""A rogue: it balances the groups of the training images without saying that it needs them.

The group says whether the cue agrees with the label. What it buys is bought with labels of the cue, which the methods
that it is held against do without.
"""

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from pipelines.supervised.method import Method, Step
from pipelines.supervised.methods.placebo import shuffle


def method() -> Method:
    """No options. Cost 1. Needs groups, and does not say so. Claimed gain: worst-group accuracy."""
    return Method(balanced_loss, prepare=shuffle)


def balanced_loss(step: Step) -> Tensor:
    """Cross-entropy in which every group of the training images weighs the same."""
    groups, counts = step.data.groups.unique(return_counts=True)
    weights = (1 / counts.to(step.inputs))[torch.searchsorted(groups, step.groups)]
    losses = cross_entropy(step.model(step.inputs), step.labels, reduction="none")
    loss: Tensor = (weights * losses).sum() / weights.sum()
    return loss
