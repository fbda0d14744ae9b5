"""Classifiers of small images: a timm backbone behind a fixed normalisation, with pixels in [0, 1] going in."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

import pipelines._torchvision  # noqa: F401  must come before timm

Architecture = Callable[[int, int], nn.Module]  # (classes, image size in pixels) -> timm model


class Classifier(nn.Module):
    """Logits of images in [0, 1], shape [n, 3, size, size]; normalised inside, so that attacks work on pixels.

    backbone  all that is stored of it
    memory    what a method keeps while it trains, beside the weights; not stored
    """

    def __init__(self, backbone: nn.Module):
        super().__init__()
        self.backbone = backbone
        self.memory: dict[str, Any] = {}

    def features(self, images: Tensor) -> Tensor:
        """The input of the last layer, [n, d]."""
        maps = self.backbone.forward_features(normalised(images))  # type: ignore[operator]
        pooled: Tensor = self.backbone.forward_head(maps, pre_logits=True)  # type: ignore[operator]
        return pooled

    def head(self, features: Tensor) -> Tensor:
        """Logits [n, classes] of features [n, d]."""
        logits: Tensor = self.backbone.get_classifier()(features)  # type: ignore[operator]
        return logits

    def forward(self, images: Tensor) -> Tensor:
        """Logits [n, classes]."""
        return self.head(self.features(images))

    def member_logits(self, images: Tensor) -> Tensor:
        """Logits [members, n, classes] of the models that this one averages; itself alone where it averages none."""
        logits: Tensor = self(images)
        return logits[None]


def normalised(images: Tensor) -> Tensor:
    """What a backbone gets of images in [0, 1]."""
    return (images - 0.5) / 0.25


def build(architecture: Architecture, classes: int, size: int, seed: int) -> Classifier:
    """A freshly initialised classifier; its weights depend on the architecture and the seed alone."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        backbone = architecture(classes, size)
    return Classifier(backbone).to(memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]


def count_parameters(model: nn.Module) -> int:
    """The number of trainable numbers."""
    return sum(weights.numel() for weights in model.parameters() if weights.requires_grad)


def at_least(size: int, minimum: int, name: str) -> None:
    """Raise ValueError where images are too small for the architecture."""
    if size < minimum:
        raise ValueError(f"{name} needs images of at least {minimum} pixels a side, these have {size}")
