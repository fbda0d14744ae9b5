"""Images whose cue, which in training tells their class more often than chance, tells another: the swapped half of the
pairs of `cue_swap`, on their own.

After the reversed environment of coloured MNIST (Arjovsky et al. 2019, arXiv 1907.02893). The group is the class of the
cue.
"""

import numpy as np

from pipelines.vision.condition import Condition, take
from pipelines.vision.conditions.cue_swap import pairs
from pipelines.vision.data import Dataset, Examples


def condition() -> Condition:
    """No options."""
    return Condition(swapped, splits=("cue_swap",), has=("labels", "groups"))


def swapped(dataset: Dataset, generator: np.random.Generator) -> Examples:
    """The images whose cue is not their class's."""
    both = pairs(dataset, generator)
    rows = np.flatnonzero(both.split.groups != both.split.labels)
    return Examples(take(both.split, rows), both.rows[rows])
