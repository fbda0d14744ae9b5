"""Classifiers, whatever goes in: a network whose last layer gives logits."""

from collections.abc import Callable
from typing import Any

from torch import Tensor, nn


class Classifier(nn.Module):
    """Logits of inputs. A domain's own classifier defines `stages`, `last_layer` and `features`.

    backbone  all that is stored of it
    memory    what a method keeps while it trains, beside the weights; not stored
    """

    def __init__(self, backbone: nn.Module):
        super().__init__()
        self.backbone = backbone
        self.memory: dict[str, Any] = {}

    @property
    def stages(self) -> list[nn.Module]:
        """The parts of the network, in order, behind each of which dropout can be put."""
        raise NotImplementedError

    @property
    def last_layer(self) -> nn.Linear:
        """The layer from features to logits."""
        raise NotImplementedError

    def features(self, inputs: Tensor) -> Tensor:
        """The input of the last layer, [n, d]."""
        raise NotImplementedError

    def head(self, features: Tensor) -> Tensor:
        """Logits [n, classes] of features [n, d]."""
        logits: Tensor = self.last_layer(features)
        return logits

    def forward(self, inputs: Tensor) -> Tensor:
        """Logits [n, classes]."""
        return self.head(self.features(inputs))

    def member_logits(self, inputs: Tensor) -> Tensor:
        """Logits [members, n, classes] of the models that this one averages; itself alone where it averages none."""
        logits: Tensor = self(inputs)
        return logits[None]


Build = Callable[[int], Classifier]  # a fresh classifier, whose weights depend on the seed alone


def count_parameters(model: nn.Module) -> int:
    """The number of trainable numbers."""
    return sum(weights.numel() for weights in model.parameters() if weights.requires_grad)
