"""Multilayer perceptron: linear layers and ReLU."""

from itertools import pairwise

from torch import nn

from pipelines.parts import Count
from pipelines.tabular.classifier import Architecture, Network


def model(*, width: Count, hidden: Count = 2) -> Architecture:
    """width: units of a hidden layer. hidden: number of these layers."""

    def build(features: int, classes: int) -> Network:
        sizes = pairwise([features, *[width] * hidden])
        layers = [part for n, m in sizes for part in (nn.Linear(n, m), nn.ReLU())]
        return Network(layers, nn.Linear(width, classes), layers[1::2])

    return build
