"""Classifiers of small images: a timm backbone behind a fixed normalisation, with pixels in [0, 1] going in."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

import pipelines._torchvision  # noqa: F401  must come before timm
from pipelines.supervised.classifier import Classifier

Architecture = Callable[[int, int], nn.Module]  # (classes, image size in pixels) -> timm model


class ImageClassifier(Classifier):
    """Logits of images in [0, 1], shape [n, 3, size, size]; normalised inside, so that attacks work on pixels."""

    @property
    def stages(self) -> list[nn.Module]:
        return [self.backbone.get_submodule(info["module"]) for info in self.backbone.feature_info]  # type: ignore[union-attr]

    @property
    def last_layer(self) -> nn.Linear:
        layer: nn.Linear = self.backbone.get_classifier()  # type: ignore[operator]
        return layer

    def features(self, images: Tensor) -> Tensor:
        maps = self.backbone.forward_features(normalised(images))  # type: ignore[operator]
        pooled: Tensor = self.backbone.forward_head(maps, pre_logits=True)  # type: ignore[operator]
        return pooled


def normalised(images: Tensor) -> Tensor:
    """What a backbone gets of images in [0, 1]."""
    return (images - 0.5) / 0.25


def build(architecture: Architecture, classes: int, size: int, seed: int) -> Classifier:
    """A freshly initialised classifier; its weights depend on the architecture and the seed alone."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        backbone = architecture(classes, size)
    return ImageClassifier(backbone).to(memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]


def at_least(size: int, minimum: int, name: str) -> None:
    """Raise ValueError where images are too small for the architecture."""
    if size < minimum:
        raise ValueError(f"{name} needs images of at least {minimum} pixels a side, these have {size}")
