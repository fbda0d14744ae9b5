"""Classifiers with dropout behind every stage of their network."""

from functools import cache, partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import dropout

from pipelines.supervised.classifier import Build, Classifier
from pipelines.supervised.draws import torch_generator
from pipelines.supervised.methods._averaging import Averaging


class Dropping(Averaging):
    """In training one pass with random dropout; in evaluation the mean over passes with fixed masks, or one pass
    without dropout where there are no masks."""

    def __init__(self, plain: Classifier, rate: float, masks: int):
        super().__init__(plain.backbone)
        self.each = [plain]  # a plain list: the weights are in the backbone
        self.rate, self.masks = rate, masks
        self.current: int | None = None  # the mask of the pass that is being made
        for number, stage in enumerate(plain.stages):
            stage.register_forward_hook(partial(self.dropped, number))

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

    def features_by_member(self, inputs: Tensor) -> list[Tensor]:
        (plain,) = self.each
        if self.training or not self.masks:
            return [plain.features(inputs)]
        features = []
        for number in range(self.masks):
            self.current = number
            features.append(plain.features(inputs))
        self.current = None
        return features

    def heads(self, features: list[Tensor]) -> Tensor:
        (plain,) = self.each
        return torch.stack([plain.head(own) for own in features])


@cache
def mask(shape: tuple[int, ...], rate: float, which: str) -> Tensor:
    """0 with probability `rate`, otherwise 1 / (1 - rate); the same for every example and every model."""
    with torch.inference_mode(False):  # made in inference mode, it could not be kept for an attack's gradient
        return (torch.rand(shape, generator=torch_generator(0, which)) >= rate) / (1 - rate)


def dropping(rate: float, masks: int, build: Build, seed: int) -> Classifier:
    """Standard training's network at the same seed, with dropout."""
    return Dropping(build(seed), rate, masks)
