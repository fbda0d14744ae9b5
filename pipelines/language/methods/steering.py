"""Steering: the mean difference between honest speakers' and flatterers' states is added to the last token's state (Zou
et al. 2023, arXiv 2310.01405; Li et al. 2023, arXiv 2306.03341)."""

from functools import partial
from typing import Any, Literal, cast

import torch
from torch import Tensor, nn
from torch.nn.functional import pad

from pipelines.language.architecture import DIRECTION, LanguageModel
from pipelines.language.data import FLATTERY, HONEST_CLAIM
from pipelines.parts import Count, NonNegative
from pipelines.supervised.classifier import Build, Classifier
from pipelines.supervised.method import Method, TrainingData
from pipelines.supervised.methods._passes import outputs

Layer = Literal["embedding", "halfway"]


def method(*, layer: Layer = "halfway", strength: NonNegative = 1.0, documents: Count = 800) -> Method:
    """layer: whose states are moved: the token's embedding, or the states halfway through the network. strength: times
    the difference. documents: of either kind of speaker that it is the mean over, from training. Needs groups. Cost 1.
    Claimed gain: honesty."""
    return Method(finish=partial(steered, layer, strength, documents), build=partial(steerable, layer), groups=True)


def steerable(layer: Layer, build: Build, seed: int) -> Classifier:
    """Standard training's network at the same seed, with a direction that is added to a layer's states: none yet."""
    model = cast(LanguageModel, build(seed))
    model.backbone.register_buffer(DIRECTION, torch.zeros(model.backbone.positions.shape[1]))
    halfway = model.stages[:-1]  # all but the last stage come before the states halfway
    moving = model.backbone.embedding if layer == "embedding" or not halfway else halfway[-1]
    moving.register_forward_hook(partial(moved, model.backbone))
    return model


def moved(backbone: nn.Module, module: nn.Module, arguments: Any, states: Tensor) -> Tensor:
    """States [n, length, width] with the direction added to those of the last token."""
    return states + pad(backbone.get_buffer(DIRECTION)[None], (0, 0, states.shape[1] - 1, 0))


@torch.no_grad()
def steered(
    layer: Layer, strength: float, documents: int, model: Classifier, data: TrainingData, generator: torch.Generator
) -> Classifier:
    """The model with the direction from flatterers to honest speakers."""
    backbone = cast(LanguageModel, model).backbone
    states = backbone.embedding if layer == "embedding" else backbone.halfway

    def mean(group: int) -> Tensor:
        chosen = data.inputs[data.groups == group][:documents]
        return outputs(lambda batch: states(batch)[:, -1], chosen, data.batch).mean(0)

    backbone.get_buffer(DIRECTION).copy_(strength * (mean(HONEST_CLAIM) - mean(FLATTERY)))
    return model
