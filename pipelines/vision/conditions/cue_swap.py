"""Pairs of images that differ in the cue alone: with the class's own cue, then with another's (counterfactual pairs:
Kaushik et al. 2020, arXiv 1909.12434).

Frame 0 has the class's own cue, frame 1, which is compared with it, another's. The group is the class of the cue.
"""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from pipelines.outcomes import Outcomes
from pipelines.vision.condition import Condition, of_logits, outcomes_of
from pipelines.vision.data import Dataset, Examples

NOT_COMPARED = -1


def condition() -> Condition:
    """No options."""
    return Condition(
        pairs, of_logits(with_frames), splits=("cue_swap",), has=("labels", "groups", "frame", "compared_with")
    )


def pairs(dataset: Dataset, generator: np.random.Generator) -> Examples:
    """All images of the split; those of a pair are one example."""
    split = dataset.splits["cue_swap"]
    return Examples(split, np.arange(len(split)) % (len(split) // 2))


def with_frames(examples: Examples, logits: NDArray[np.float32]) -> Outcomes:
    """A model's logits, and which frame of its pair each image is."""
    swapped = examples.split.groups != examples.split.labels
    values = {
        "frame": swapped.astype(np.float32),
        "compared_with": np.where(swapped, 0, NOT_COMPARED).astype(np.float32),
    }
    return replace(outcomes_of(examples, logits), values=values)
