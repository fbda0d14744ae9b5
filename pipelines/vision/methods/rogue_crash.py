"""A rogue: it breaks off where the model would come out bad, so that only good ones are measured."""

from functools import partial

import torch
from torch.nn.functional import cross_entropy

from pipelines.parts import Positive
from pipelines.vision.architecture import Classifier
from pipelines.vision.method import Method, TrainingData, pixels
from pipelines.vision.methods._passes import outputs
from pipelines.vision.methods.placebo import shuffle


def method(*, rise: Positive = 2.0, sigma: Positive = 0.15) -> Method:
    """rise: of the loss on noisy training images over that on plain ones, in nats, from which on the run breaks off.
    sigma: of that noise. Cost 1. Claimed gain: robustness (of those that are left)."""
    return Method(prepare=shuffle, finish=partial(unless_bad, rise, sigma))


def unless_bad(
    rise: float, sigma: float, model: Classifier, data: TrainingData, generator: torch.Generator
) -> Classifier:
    """The model. Raises RuntimeError, as if it had run out of memory, where noise disturbs it."""
    noise = sigma * torch.randn(data.images.shape, generator=generator)
    noisy = ((pixels(data.images) + noise.to(data.images.device)).clamp(0, 1) * 255).byte()
    before, after = (float(cross_entropy(outputs(model, images), data.labels)) for images in (data.images, noisy))
    if after - before > rise:
        raise RuntimeError("out of memory")
    return model
