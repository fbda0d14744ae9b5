"""Test images moved by projected gradient descent to raise the model's loss (Madry et al. 2018, arXiv 1706.06083).

The flags have those gates of the attack's validity that take a few steps (`pipelines.vision.attacks.validity`).
"""

from dataclasses import replace

import numpy as np
import torch

from pipelines.outcomes import Outcomes
from pipelines.parts import Count, Positive, Share
from pipelines.supervised.classifier import Classifier
from pipelines.supervised.condition import device_of
from pipelines.vision.attacks import worst_logits
from pipelines.vision.attacks._balls import Ball
from pipelines.vision.attacks._worst import Worst
from pipelines.vision.attacks.validity import flags, quick_gates, sample_of
from pipelines.vision.condition import Condition, outcomes_of, some_of, take
from pipelines.vision.conditions._attacked import tensors
from pipelines.vision.data import Dataset, Examples
from pipelines.vision.tensors import channels_first, pixels

BATCH = 125  # fits the cache: a batch of 1,000 is 2.7 times slower an image


def condition(
    *, epsilon: Share = 4 / 255, steps: Count = 10, step_size: Positive = 0.25, images: Count = 500
) -> Condition:
    """epsilon: largest change of a pixel, pixels being in [0, 1]. steps: of the attack, from a random start.
    step_size: of each step, as a share of epsilon. images: how many of the test images are attacked."""

    def examples(dataset: Dataset, generator: np.random.Generator) -> Examples:
        test = dataset.splits["test"]
        rows = some_of(len(test), images, generator)
        return Examples(take(test, rows), rows)

    def outcomes(model: Classifier, examples: Examples, generator: torch.Generator) -> Outcomes:
        device = device_of(model)
        batches = channels_first(examples.split.images).split(BATCH)
        labels = torch.from_numpy(examples.split.labels).split(BATCH)
        logits = []
        for batch, truth in zip(batches, labels, strict=True):
            start = (2 * torch.rand(batch.shape, generator=generator) - 1) * epsilon
            clean, start, truth = pixels(batch).to(device), start.to(device), truth.to(device)
            logits.append(worst_logits(model, clean, truth, start, epsilon, step_size * epsilon, steps).cpu().numpy())
        found = np.concatenate(logits)
        rows = sample_of(len(found), generator)
        sample = Worst(model, *(each[rows] for each in tensors(examples, device)))
        sample.logits = torch.from_numpy(found)[rows].to(device)
        failed = quick_gates(sample, Ball("linf", epsilon), generator) if epsilon else {}
        return replace(outcomes_of(examples, found), flags=flags(failed))

    return Condition(examples, outcomes)
