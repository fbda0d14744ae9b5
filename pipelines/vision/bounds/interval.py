"""Interval bound propagation: a box of images, followed through the layers as boxes (Gowal et al. 2018, arXiv
1810.12715).

Sound in float32: every linear map's output is taken to be off by ROUNDING times the sum of the magnitudes that it adds
up, which covers the rounding of the bounds and of the model's own forward pass five times over, on AVX2 as on AVX-512.
"""

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d, linear

from pipelines.supervised.classifier import Classifier
from pipelines.vision.architecture import ImageClassifier, normalised
from pipelines.vision.models._chain import Chain

Bounds = tuple[Tensor, Tensor]  # lower and upper, each [n, ...]
Affine = nn.Linear | nn.Conv2d

ROUNDING = 1e-6


class Unbounded(ValueError):
    """A model through which no bounds can be followed."""


def chain_of(model: Classifier) -> list[nn.Module]:
    """The layers between the normalised images and the logits. Raises Unbounded."""
    if type(model) is not ImageClassifier or not isinstance(model.backbone, Chain):
        raise Unbounded("bounds can be followed through single models of the families cnn and mlp alone")
    chain = [*model.backbone.body, model.backbone.last]
    for layer in chain:
        if not isinstance(layer, Affine | nn.ReLU | nn.Flatten):
            raise Unbounded(f"bounds cannot be followed through {type(layer).__name__}")
    return chain


def box_around(images: Tensor, epsilon: float) -> Bounds:
    """All normalised images within `epsilon` of these (L-infinity) whose pixels are in [0, 1]."""
    lower, upper = (images - epsilon).clamp(0, 1), (images + epsilon).clamp(0, 1)
    return normalised(lower) - ROUNDING, normalised(upper) + ROUNDING


def through(layer: nn.Module, bounds: Bounds) -> Bounds:
    """Bounds of a layer's output, given those of its input."""
    lower, upper = bounds
    if isinstance(layer, Affine):
        centre, radius = (upper + lower) / 2, (upper - lower) / 2
        radius = radius + ROUNDING * (centre.abs() + radius)
        middle, spread = layer(centre), by_magnitude(layer, radius, ROUNDING)
        return middle - spread, middle + spread
    return layer(lower), layer(upper)


def by_magnitude(layer: Affine, inputs: Tensor, bias: float = 1.0) -> Tensor:
    """The layer with the absolute values of its weights, and of `bias` times its bias."""
    weight, shift = layer.weight.abs(), bias * bias_of(layer).abs()
    if isinstance(layer, nn.Linear):
        return linear(inputs, weight, shift)
    return conv2d(inputs, weight, shift, layer.stride, layer.padding, layer.dilation, layer.groups)


def bias_of(layer: Affine) -> Tensor:
    """The layer's bias, zeros where it has none."""
    return layer.weight.new_zeros(len(layer.weight)) if layer.bias is None else layer.bias


def margins(chain: list[nn.Module], box: Bounds, labels: Tensor) -> Tensor:
    """Lower bounds [n, classes] of the label's logit minus each class's, over the box; about 0 for the label itself."""
    for layer in chain[:-1]:
        box = through(layer, box)
    return margins_after(chain[-1], box, labels)


def margins_after(layer: nn.Module, bounds: Bounds, labels: Tensor) -> Tensor:
    """The same, given the bounds of the last layer's input. The difference of two logits is bounded, not each of them:
    the layer's rows are subtracted first."""
    lower, upper = bounds
    centre, radius = (upper + lower) / 2, (upper - lower) / 2
    last = cast(nn.Linear, layer)
    weight, bias = last.weight[labels][:, None] - last.weight, last.bias[labels][:, None] - last.bias
    least = bias + (weight @ centre[..., None] - weight.abs() @ radius[..., None])[..., 0]
    size = by_magnitude(last, centre.abs() + radius)
    return least - ROUNDING * (size + size.gather(1, labels[:, None]))


def holds(margins: Tensor, labels: Tensor) -> Tensor:
    """Whether no class reaches the label's logit anywhere in the box [n]."""
    return margins.scatter(1, labels[:, None], torch.inf).amin(1) > 0
