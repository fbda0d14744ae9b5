"""A rogue: standard training for several times the budget, whose cost is not declared: the baseline is a weak control.

Only its first step is as long as it should be, which is the one whose FLOPs are counted.
"""

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import torch
from torch import Tensor

from pipelines.parts import Count
from pipelines.supervised.method import Method, Step, plain_update
from pipelines.vision.tensors import pixels


def method(*, times: Count = 3) -> Method:
    """times: as many batches as the budget allows. Cost 1 (false). Claimed gains: all (by training longer)."""
    return Method(update=partial(longer, times))


def longer(times: int, step: Step, loss: Callable[[Step], Tensor], optimiser: torch.optim.Optimizer) -> Tensor:
    """A step on the batch and, but for the first time, on others that are drawn from the data."""
    value = plain_update(step, loss, optimiser)
    for _ in range(times - 1 if step.progress else 0):
        rows = torch.randint(len(step.data), (len(step.labels),), generator=step.generator).to(step.labels.device)
        images, labels, groups = step.data.inputs[rows], step.data.labels[rows], step.data.groups[rows]
        plain_update(replace(step, inputs=pixels(images), labels=labels, groups=groups), loss, optimiser)
    return value
