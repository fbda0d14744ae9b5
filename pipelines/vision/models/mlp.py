"""Multilayer perceptron on the pixels: linear layers and ReLU; its outputs can be bounded."""

from itertools import pairwise

from torch import nn

from pipelines.parts import Count
from pipelines.vision.architecture import Architecture
from pipelines.vision.models._chain import Chain


def model(*, width: Count, hidden: Count = 2) -> Architecture:
    """width: units of a hidden layer. hidden: number of these layers."""

    def build(classes: int, size: int) -> nn.Module:
        sizes = [3 * size**2, *[width] * hidden]
        layers = [part for n, m in pairwise(sizes) for part in (nn.Linear(n, m), nn.ReLU())]
        return Chain(nn.Flatten(), *layers, nn.Linear(width, classes))

    return build
