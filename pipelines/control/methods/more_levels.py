"""Standard training on more levels: a control that raises capability alone."""

import torch

from pipelines.control.data import Levels, joined
from pipelines.control.method import Method, Splits


def method() -> Method:
    """No options: the dataset's option `more_train` says how many more. As many updates. Cost 1. Claimed gain: none but
    capability."""
    return Method(levels=with_more, splits=("more_train",))


def with_more(splits: Splits, generator: torch.Generator) -> Levels:
    """The training levels and the others."""
    return joined(splits["train"], splits["more_train"])
