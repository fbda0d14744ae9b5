"""Diverse levels: some of the training levels have the goal anywhere, so that the cue and the goal come apart (Langosco
et al. 2022, arXiv 2105.14111)."""

import numpy as np
import torch

from pipelines.control.data import Levels, joined
from pipelines.control.method import Method, Splits


def method() -> Method:
    """No options: the dataset's option `diverse` says how many; as many training levels are left out. Cost 1. Claimed
    gain: goals reached where cue and goal are apart."""
    return Method(levels=with_diverse, splits=("diverse",))


def with_diverse(splits: Splits, generator: torch.Generator) -> Levels:
    """The first training levels and the diverse ones, as many as there are training levels."""
    train, diverse = splits["train"], splits["diverse"]
    return joined(train.take(np.arange(max(0, len(train) - len(diverse)))), diverse)
