"""Residual network for tables (Gorishniy et al. 2021, arXiv 2106.11959), with layer norm in the place of batch norm."""

from torch import Tensor, nn

from pipelines.parts import Count
from pipelines.tabular.classifier import Architecture, Network


def model(*, width: Count, blocks: Count = 2) -> Architecture:
    """width: of the stream that blocks add to; a block is twice as wide inside. blocks: their number."""

    def build(features: int, classes: int) -> Network:
        added = [Block(width) for _ in range(blocks)]
        body = [nn.Linear(features, width), *added, nn.LayerNorm(width), nn.ReLU()]
        return Network(body, nn.Linear(width, classes), added)

    return build


class Block(nn.Module):
    """What it is given, and a small network of that added to it."""

    def __init__(self, width: int):
        super().__init__()
        self.added = nn.Sequential(
            nn.LayerNorm(width), nn.Linear(width, 2 * width), nn.ReLU(), nn.Linear(2 * width, width)
        )

    def forward(self, inputs: Tensor) -> Tensor:
        """[n, width] of [n, width]."""
        summed: Tensor = inputs + self.added(inputs)
        return summed
