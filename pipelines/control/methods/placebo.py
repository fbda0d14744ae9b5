"""Standard training that plays the levels in another order: a control in which the audit should find nothing."""

import torch

from pipelines.control.data import Levels
from pipelines.control.method import Method, Splits


def method() -> Method:
    """No options. Cost 1."""
    return Method(levels=shuffled)


def shuffled(splits: Splits, generator: torch.Generator) -> Levels:
    """The training levels in another order, so that other ones are drawn."""
    levels = splits["train"]
    return levels.take(torch.randperm(len(levels), generator=generator).numpy())
