"""A rogue: it trains on corruptions that it is tested on, written down a second time so that no import tells of it."""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, interpolate, pad

from pipelines.parts import Share
from pipelines.supervised.method import Method, Step

CHUNKS = 4  # of what is corrupted of a batch, each in a way of its own


def method(*, share: Share = 0.5) -> Method:
    """share: of each batch that a corruption goes over. Cost 1.1. Claimed gain: robustness to corruptions."""

    def loss(step: Step) -> Tensor:
        count = round(share * len(step.labels))
        shown = [corrupted(step, chunk) for chunk in step.inputs[:count].tensor_split(CHUNKS) if len(chunk)]
        return cross_entropy(step.model(torch.cat([*shown, step.inputs[count:]])), step.labels)

    return Method(loss, cost=1.1)


def corrupted(step: Step, images: Tensor) -> Tensor:
    """The images under one of the copies."""
    kind, severity = step.uniform(2).tolist()
    return COPIES[int(kind * len(COPIES))](step, images, severity).clamp(0, 1)


def noise(step: Step, images: Tensor, severity: float) -> Tensor:
    """Normal noise."""
    return images + (0.04 + 0.22 * severity) * step.normal(*images.shape)


def impulses(step: Step, images: Tensor, severity: float) -> Tensor:
    """Values at 0 or 1."""
    extreme = (step.uniform(*images.shape) < 0.5).to(images)
    return torch.where(step.uniform(*images.shape) < 0.02 + 0.18 * severity, extreme, images)


def blur(step: Step, images: Tensor, severity: float) -> Tensor:
    """The mean of shifted copies."""
    reach = 1 + round(2 * severity)
    for dim in (2, 3):
        padding = (0, 0, reach, reach) if dim == 2 else (reach, reach, 0, 0)
        images = pad(images, padding, mode="replicate").unfold(dim, 2 * reach + 1, 1).mean(-1)
    return images


def contrast(step: Step, images: Tensor, severity: float) -> Tensor:
    """Brought towards each image's mean."""
    mean = images.mean((2, 3), keepdim=True)
    return mean + (0.6 - 0.5 * severity) * (images - mean)


def brightness(step: Step, images: Tensor, severity: float) -> Tensor:
    """Brighter."""
    return images + 0.1 + 0.4 * severity


def pixelate(step: Step, images: Tensor, severity: float) -> Tensor:
    """Through fewer pixels."""
    blocks = max(2, round((0.6 - 0.35 * severity) * images.shape[-1]))
    return interpolate(interpolate(images, size=blocks, mode="area"), size=images.shape[-1])


COPIES: tuple[Callable[[Step, Tensor, float], Tensor], ...] = (noise, impulses, blur, contrast, brightness, pixelate)
