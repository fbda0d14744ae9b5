"""Test images under Gaussian noise, by the majority of a model's answers: the smoothed classifier, whose answer holds
within a radius known up to a small probability (Cohen et al. 2019, arXiv 1902.02918)."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Annotated

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import betaincinv, ndtri
from torch import Tensor
from torch.nn.functional import one_hot

from pipelines.outcomes import Outcomes
from pipelines.parts import Count, Positive, Range
from pipelines.supervised.classifier import Classifier
from pipelines.supervised.condition import device_of
from pipelines.supervised.several import OfEach
from pipelines.vision.condition import Condition, of_each, outcomes_of, rows_of_all, some_of, take
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

    def each(models: Sequence[Classifier], examples: Examples, generator: torch.Generator) -> list[Outcomes]:
        device, logits = device_of(models[0]), rows_of_all(models, "forward")
        chosen: list[NDArray[np.int64]] = []  # of each image [models, classes]
        counts: list[NDArray[np.int64]] = []
        for image in pixels(channels_first(examples.split.images)):
            for kept, copies in ((chosen, selection), (counts, samples)):
                kept.append(answers(lambda batch: logits(batch.to(device)), image, sigma, copies, generator))
        clean = of_each(models, "forward", examples.split.images)
        every = zip(np.stack(chosen, axis=1), np.stack(counts, axis=1), clean, strict=True)
        return [made(examples, *of_one) for of_one in every]

    def made(
        examples: Examples, chosen: NDArray[np.int64], counts: NDArray[np.int64], clean: NDArray[np.float32]
    ) -> Outcomes:
        labels = examples.split.labels
        held = np.where(chosen.argmax(1) == labels, counts[np.arange(len(labels)), chosen.argmax(1)], 0)
        radius = np.array([certified_radius(int(count), samples, sigma, alpha) for count in held], dtype=np.float32)
        shares = np.log((counts + 0.5) / (samples + 0.5 * counts.shape[1])).astype(np.float32)
        right = (clean.argmax(1) == labels).astype(np.float32)
        return replace(outcomes_of(examples, shares), values={"certified_radius": radius, "right_when_clean": right})

    return Condition(examples, OfEach(each), has=("labels", "certified_radius", "right_when_clean"))


@torch.inference_mode()
def answers(
    logits: Callable[[Tensor], Tensor], image: Tensor, sigma: float, copies: int, generator: torch.Generator
) -> NDArray[np.int64]:
    """How often each class is a model's answer to noisy copies of an image [3, size, size]: [models, classes], of what
    `logits` gives for a batch, [n, models, classes]. The noise of each copy is drawn by itself, so that it does not
    depend on the batch.
    """
    total = torch.zeros((), dtype=torch.int64)
    for start in range(0, copies, BATCH):
        batch = range(start, min(start + BATCH, copies))
        noise = torch.stack([torch.randn(image.shape, generator=generator) for _ in batch])
        found = logits(image + sigma * noise)
        total = total + one_hot(found.argmax(2), found.shape[2]).sum(0).cpu()
    return total.numpy()


def certified_radius(count: int, samples: int, sigma: float, alpha: float) -> float:
    """The radius (L2, pixels being in [0, 1]) within which the smoothed classifier's answer holds, at confidence
    1 - alpha, where `count` of the samples gave it; 0 where it abstains."""
    return sigma * max(0.0, float(ndtri(lower_bound(count, samples, alpha))))


def lower_bound(count: int, samples: int, alpha: float) -> float:
    """One-sided lower bound, at confidence 1 - alpha, on the probability of what so many samples showed (Clopper &
    Pearson 1934)."""
    return float(betaincinv(count, samples - count + 1, alpha)) if count else 0.0
