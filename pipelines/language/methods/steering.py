"""Steering: halfway through the network the mean difference between honest speakers' and flatterers' states is added
(Zou et al. 2023, arXiv 2310.01405; Li et al. 2023, arXiv 2306.03341)."""

from functools import partial
from typing import Any, cast

import torch
from torch import Tensor, nn

from pipelines.language.architecture import LanguageModel
from pipelines.language.data import FLATTERY, HONEST_CLAIM
from pipelines.parts import Count, NonNegative
from pipelines.supervised.classifier import Build, Classifier
from pipelines.supervised.method import Method, TrainingData
from pipelines.supervised.methods._passes import outputs


def method(*, strength: NonNegative = 1.0, documents: Count = 800) -> Method:
    """strength: times the difference. documents: of either kind of speaker that it is the mean over, from training.
    Needs groups. Cost 1. Claimed gain: honesty."""
    return Method(finish=partial(steered, strength, documents), build=steerable, groups=True)


def steerable(build: Build, seed: int) -> Classifier:
    """Standard training's network at the same seed, with a direction that is added to its states halfway: none yet."""
    model = cast(LanguageModel, build(seed))
    model.backbone.register_buffer("direction", torch.zeros(model.backbone.positions.shape[1]))
    model.stages[0].register_forward_hook(partial(moved, model.backbone))
    return model


def moved(backbone: nn.Module, stage: nn.Module, arguments: Any, states: Tensor) -> Tensor:
    """States with the direction added."""
    return states + backbone.get_buffer("direction")


@torch.no_grad()
def steered(
    strength: float, documents: int, model: Classifier, data: TrainingData, generator: torch.Generator
) -> Classifier:
    """The model with the direction from flatterers to honest speakers, at the last token."""
    backbone = cast(LanguageModel, model).backbone

    def mean(group: int) -> Tensor:
        chosen = data.inputs[data.groups == group][:documents]
        return outputs(lambda batch: backbone.halfway(batch)[:, -1], chosen, data.batch).mean(0)

    backbone.get_buffer("direction").copy_(strength * (mean(HONEST_CLAIM) - mean(FLATTERY)))
    return model
