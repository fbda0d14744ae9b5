"""Classifiers of rows of numbers: a body whose output is the features, and a linear layer that gives the logits."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from pipelines.supervised.classifier import Classifier


class Network(nn.Module):
    """A body of layers one after the other, and the layer of the logits behind it.

    stages  the layers of the body behind each of which dropout can be put
    """

    def __init__(self, body: Sequence[nn.Module], last: nn.Linear, stages: Sequence[nn.Module]):
        super().__init__()
        self.body = nn.Sequential(*body)
        self.last = last
        self.places = [place for place, layer in enumerate(body) if any(layer is stage for stage in stages)]


Architecture = Callable[[int, int], Network]  # (features, classes) -> network


class RowClassifier(Classifier):
    """Logits of rows, [n, features]."""

    def __init__(self, backbone: Network):
        super().__init__(backbone)
        self.network = [backbone]  # a plain list: the weights are in the backbone

    @property
    def stages(self) -> list[nn.Module]:
        (network,) = self.network
        return [network.body[place] for place in network.places]

    @property
    def last_layer(self) -> nn.Linear:
        (network,) = self.network
        return network.last

    def features(self, inputs: Tensor) -> Tensor:
        (network,) = self.network
        made: Tensor = network.body(inputs)
        return made


def build(architecture: Architecture, features: int, classes: int, seed: int) -> Classifier:
    """A freshly initialised classifier; its weights depend on the architecture and the seed alone."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return RowClassifier(architecture(features, classes))
