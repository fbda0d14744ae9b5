"""Plain convolutional network: three convolutions and two linear layers, without normalisation; its outputs can be
bounded (the small network of Wong & Kolter 2018, arXiv 1711.00851, with a third convolution)."""

from torch import nn

from pipelines.parts import Count
from pipelines.vision.architecture import Architecture, at_least
from pipelines.vision.models._chain import Chain


def model(*, width: Count) -> Architecture:
    """width: channels of the first convolution; they double at each of the next two, which halve the image, too."""

    def build(classes: int, size: int) -> nn.Module:
        at_least(size, 8, "cnn")
        return Chain(
            nn.Conv2d(3, width, 4, stride=2, padding=1),
            nn.ReLU(),
            nn.Conv2d(width, 2 * width, 4, stride=2, padding=1),
            nn.ReLU(),
            nn.Conv2d(2 * width, 4 * width, 4, stride=2, padding=1),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(4 * width * (size // 8) ** 2, 8 * width),
            nn.ReLU(),
            nn.Linear(8 * width, classes),
        )

    return build
