"""Test images under Gaussian noise, by the majority of a model's answers: the smoothed classifier, whose answer holds
within a radius known up to a small probability (Cohen et al. 2019, arXiv 1902.02918)."""

from dataclasses import replace
from typing import Annotated

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import betaincinv, ndtri
from torch import Tensor

from pipelines.outcomes import Outcomes
from pipelines.parts import Count, Positive, Range
from pipelines.supervised.classifier import Classifier
from pipelines.supervised.condition import device_of
from pipelines.vision.condition import Condition, logits_of, outcomes_of, some_of, take
from pipelines.vision.conditions.clean import without_parts
from pipelines.vision.data import Dataset, Examples
from pipelines.vision.tensors import channels_first, pixels

BATCH = 250


def condition(
    *,
    sigma: Positive = 0.25,
    selection: Count = 100,
    samples: Count = 1000,
    alpha: Annotated[float, Range(0, 0.5, low_open=True)] = 0.001,
    images: Count = 100,
) -> Condition:
    """sigma: of the noise, pixels being in [0, 1]. selection: noisy copies by which the answer is chosen. samples:
    others by which its probability is bounded from below; 1000 show radii of up to 2.5 sigma at alpha .001. alpha:
    probability that an image's radius is too large. images: how many of the test images; each costs selection +
    samples forward passes, 40 ms and more on one core."""

    def examples(dataset: Dataset, generator: np.random.Generator) -> Examples:
        test = dataset.splits["test"]
        rows = some_of(len(test), images, generator)
        return without_parts(Examples(take(test, rows), rows))  # too few for each font to have a value

    def outcomes(model: Classifier, examples: Examples, generator: torch.Generator) -> Outcomes:
        shown, labels = pixels(channels_first(examples.split.images)), examples.split.labels
        clean = logits_of(model, examples.split.images)
        classes = clean.shape[1]
        counts = np.zeros((len(labels), classes), dtype=np.int64)
        radius = np.zeros(len(labels), dtype=np.float32)
        for row, image in enumerate(shown):
            chosen = answers(model, image, classes, sigma, selection, generator).argmax()
            counts[row] = answers(model, image, classes, sigma, samples, generator)
            if chosen == labels[row]:
                radius[row] = certified_radius(int(counts[row, chosen]), samples, sigma, alpha)
        shares = np.log((counts + 0.5) / (samples + 0.5 * classes)).astype(np.float32)
        right = (clean.argmax(1) == labels).astype(np.float32)
        return replace(outcomes_of(examples, shares), values={"certified_radius": radius, "right_when_clean": right})

    return Condition(examples, outcomes, has=("labels", "certified_radius", "right_when_clean"))


@torch.inference_mode()
def answers(
    model: Classifier, image: Tensor, classes: int, sigma: float, copies: int, generator: torch.Generator
) -> NDArray[np.int64]:
    """How often each class is the answer to noisy copies of an image [3, size, size]: [classes]. The noise of each copy
    is drawn by itself, so that it does not depend on the batch."""
    device = device_of(model)
    counts = np.zeros(classes, dtype=np.int64)
    for start in range(0, copies, BATCH):
        batch = range(start, min(start + BATCH, copies))
        noise = torch.stack([torch.randn(image.shape, generator=generator) for _ in batch])
        answer = model((image + sigma * noise).to(device)).argmax(1)
        counts += np.bincount(answer.cpu().numpy(), minlength=classes)
    return counts


def certified_radius(count: int, samples: int, sigma: float, alpha: float) -> float:
    """The radius (L2, pixels being in [0, 1]) within which the smoothed classifier's answer holds, at confidence
    1 - alpha, where `count` of the samples gave it; 0 where it abstains."""
    return sigma * max(0.0, float(ndtri(lower_bound(count, samples, alpha))))


def lower_bound(count: int, samples: int, alpha: float) -> float:
    """One-sided lower bound, at confidence 1 - alpha, on the probability of what so many samples showed (Clopper &
    Pearson 1934)."""
    return float(betaincinv(count, samples - count + 1, alpha)) if count else 0.0
