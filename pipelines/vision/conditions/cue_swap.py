"""Pairs of images that differ in the cue alone: with the class's own cue, then with another's (counterfactual pairs:
Kaushik et al. 2020, arXiv 1909.12434).

Frame 0 has the class's own cue, frame 1, which is compared with it, another's. The group is the class of the cue.
"""

from dataclasses import replace

import numpy as np
import torch

from pipelines.outcomes import Outcomes
from pipelines.supervised.classifier import Classifier
from pipelines.vision.condition import Condition, inference
from pipelines.vision.data import Dataset, Examples

NOT_COMPARED = -1


def condition() -> Condition:
    """No options."""
    return Condition(pairs, outcomes, splits=("cue_swap",), has=("labels", "groups", "frame", "compared_with"))


def pairs(dataset: Dataset, generator: np.random.Generator) -> Examples:
    """All images of the split; those of a pair are one example."""
    split = dataset.splits["cue_swap"]
    return Examples(split, np.arange(len(split)) % (len(split) // 2))


def outcomes(model: Classifier, examples: Examples, generator: torch.Generator) -> Outcomes:
    """The model's logits, and which frame of its pair each image is."""
    swapped = examples.split.groups != examples.split.labels
    values = {
        "frame": swapped.astype(np.float32),
        "compared_with": np.where(swapped, 0, NOT_COMPARED).astype(np.float32),
    }
    return replace(inference(model, examples, generator), values=values)
