"""Classifiers with dropout behind every stage of their network."""

from functools import cache, partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import dropout

from pipelines.vision.architecture import Architecture, Classifier, build
from pipelines.vision.draws import torch_generator
from pipelines.vision.methods._averaging import Averaging


class Dropping(Averaging):
    """In training one pass with random dropout; in evaluation the mean over passes with fixed masks, or one pass
    without dropout where there are no masks."""

    def __init__(self, backbone: nn.Module, rate: float, masks: int):
        super().__init__(backbone)
        self.rate, self.masks = rate, masks
        self.current: int | None = None  # the mask of the pass that is being made
        for stage, info in enumerate(backbone.feature_info):  # type: ignore[arg-type]
            backbone.get_submodule(info["module"]).register_forward_hook(partial(self.dropped, stage))

    def dropped(self, stage: int, module: nn.Module, arguments: Any, output: Tensor) -> Tensor:
        """The output of a stage with a share `rate` of its numbers set to 0, the rest scaled up."""
        if self.training:
            return dropout(output, self.rate)
        if self.current is None:
            return output
        return output * mask(tuple(output.shape[1:]), self.rate, f"{self.current}/{stage}").to(output)

    @property
    def members(self) -> int:
        return 1 if self.training else max(1, self.masks)

    def features_by_member(self, images: Tensor) -> list[Tensor]:
        if self.training or not self.masks:
            return [Classifier.features(self, images)]
        features = []
        for number in range(self.masks):
            self.current = number
            features.append(Classifier.features(self, images))
        self.current = None
        return features

    def heads(self, features: list[Tensor]) -> Tensor:
        return torch.stack([Classifier.head(self, own) for own in features])


@cache
def mask(shape: tuple[int, ...], rate: float, which: str) -> Tensor:
    """0 with probability `rate`, otherwise 1 / (1 - rate); the same for every image and every model."""
    with torch.inference_mode(False):  # made in inference mode, it could not be kept for an attack's gradient
        return (torch.rand(shape, generator=torch_generator(0, which)) >= rate) / (1 - rate)


def dropping(rate: float, masks: int, architecture: Architecture, classes: int, size: int, seed: int) -> Classifier:
    """Standard training's network at the same seed, with dropout."""
    return Dropping(build(architecture, classes, size, seed).backbone, rate, masks)
