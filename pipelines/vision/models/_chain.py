"""A classifier that is one layer after the other: what bounds can be followed through."""

from torch import Tensor, nn


class Chain(nn.Module):
    """Linear, convolution, ReLU and flattening layers in a row; the last is linear and gives the logits.

    body           all layers but the last, [n, 3, size, size] -> [n, d]
    last           the logits of the features
    feature_info   the layers that a stage ends with, as timm's models name them
    """

    def __init__(self, *layers: nn.Module):
        super().__init__()
        self.body = nn.Sequential(*layers[:-1])
        self.last = layers[-1]
        self.feature_info = [{"module": f"body.{n}"} for n, layer in enumerate(self.body) if isinstance(layer, nn.ReLU)]

    def forward_features(self, images: Tensor) -> Tensor:
        """The input of the last layer, [n, d]."""
        features: Tensor = self.body(images)
        return features

    def forward_head(self, features: Tensor, pre_logits: bool = False) -> Tensor:
        """The features as they are, or their logits."""
        return features if pre_logits else self.forward(features)

    def get_classifier(self) -> nn.Module:
        """The last layer."""
        return self.last

    def forward(self, images: Tensor) -> Tensor:
        """Logits [n, classes]."""
        logits: Tensor = self.last(self.body(images))
        return logits
