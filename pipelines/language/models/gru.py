"""A gated recurrent network (Cho et al. 2014, arXiv 1406.1078) and a layer on its last state."""

from torch import Tensor, nn

from pipelines.language.architecture import Architecture, Backbone
from pipelines.parts import Count


def model(*, width: Count) -> Architecture:
    """width: of the states."""
    return lambda tokens: Recurrent(tokens, width)


class Reader(nn.GRU):
    """States [n, length, width] of a document read from its beginning."""

    def forward(self, embedded: Tensor) -> Tensor:  # type: ignore[override]
        states, _ = super().forward(embedded)
        return states


class Recurrent(Backbone):
    """One recurrent layer, then a layer that is added to the state."""

    def __init__(self, tokens: int, width: int):
        super().__init__(tokens, width)
        self.reader = Reader(width, width, batch_first=True)
        self.layer = nn.Sequential(nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width))

    @property
    def stages(self) -> list[nn.Module]:
        return [self.reader, self.layer]

    def states(self, embedded: Tensor) -> Tensor:
        states: Tensor = self.reader(embedded)
        return states

    def last_state(self, states: Tensor) -> Tensor:
        last = states[:, -1]
        added: Tensor = last + self.layer(last)
        return added
