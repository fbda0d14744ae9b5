"""Test images moved by projected gradient descent to raise the model's loss (Madry et al. 2018, arXiv 1706.06083).

The flags have those gates of the attack's validity that take a few steps (`pipelines.vision.attacks.validity`).
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch

from pipelines.outcomes import Outcomes
from pipelines.parts import Count, Positive, Share
from pipelines.supervised.classifier import Classifier
from pipelines.supervised.several import OfEach
from pipelines.vision.attacks import worst_logits
from pipelines.vision.attacks._balls import Ball
from pipelines.vision.attacks._watch import owners, part
from pipelines.vision.attacks._worst import Worst, batch_of
from pipelines.vision.attacks.validity import flags, quick_gates, sample_of
from pipelines.vision.condition import Condition, outcomes_of, some_of, take
from pipelines.vision.conditions._attacked import apart, for_each
from pipelines.vision.conditions.clean import without_parts
from pipelines.vision.data import Dataset, Examples


def condition(
    *, epsilon: Share = 4 / 255, steps: Count = 10, step_size: Positive = 0.25, images: Count = 500
) -> Condition:
    """epsilon: largest change of a pixel, pixels being in [0, 1]. steps: of the attack, from a random start.
    step_size: of each step, as a share of epsilon. images: how many of the test images are attacked."""

    def examples(dataset: Dataset, generator: np.random.Generator) -> Examples:
        test = dataset.splits["test"]
        rows = some_of(len(test), images, generator)
        return without_parts(Examples(take(test, rows), rows))

    def each(models: Sequence[Classifier], examples: Examples, generator: torch.Generator) -> list[Outcomes]:
        model, shown, labels = for_each(models, examples)
        logits = []
        for rows in torch.arange(len(labels), device=labels.device).split(batch_of(shown)):
            clean, truth = shown[rows], labels[rows]
            start = ((2 * torch.rand(clean.shape, generator=generator) - 1) * epsilon).to(clean.device)
            attacked = part(model, rows)
            logits.append(worst_logits(attacked, clean, truth, start, epsilon, step_size * epsilon, steps))
        found = torch.cat(logits)
        rows = sample_of(owners(model, labels), generator)
        sample = Worst(part(model, rows), shown[rows], labels[rows])
        sample.logits = found[rows]
        failed = quick_gates(sample, Ball("linf", epsilon), generator) if epsilon else {}
        return [
            replace(outcomes_of(examples, logits.cpu().numpy()), flags=flags(failed, number))
            for number, logits in enumerate(apart(found, models))
        ]

    return Condition(examples, OfEach(each))
