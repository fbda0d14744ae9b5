"""A decoder-only transformer (Vaswani et al. 2017, arXiv 1706.03762; Radford et al. 2019): pre-norm, and the last block
at the last position alone, which is all that is asked for."""

from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention

from pipelines.language.architecture import Architecture, Backbone
from pipelines.parts import Count


def model(*, width: Count, layers: Count = 2, heads: Count = 2) -> Architecture:
    """width: of the states, a multiple of `heads`. layers: blocks. heads: of attention in a block."""
    if width % heads:
        raise ValueError(f"'width' is {width}, not a multiple of 'heads', {heads}")
    return lambda tokens: Transformer(tokens, width, layers, heads)


class Block(nn.Module):
    """Attention to what came before, then a layer on each position, both added to the states."""

    def __init__(self, width: int, heads: int):
        super().__init__()
        self.heads = heads
        self.before, self.between = nn.LayerNorm(width), nn.LayerNorm(width)
        self.query, self.key_value = nn.Linear(width, width), nn.Linear(width, 2 * width)
        self.out = nn.Linear(width, width)
        self.layer = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))

    def forward(self, states: Tensor, last_alone: bool = False) -> Tensor:
        """States [n, length, width], or [n, 1, width] of the last position."""
        asking = states[:, -1:] if last_alone else states
        normed = self.before(states)
        query = self.query(normed[:, -1:] if last_alone else normed)
        query, key, value = (
            each.unflatten(2, (self.heads, -1)).transpose(1, 2)
            for each in (query, *self.key_value(normed).chunk(2, dim=2))
        )
        seen = scaled_dot_product_attention(query, key, value, is_causal=not last_alone)
        asking = asking + self.out(seen.transpose(1, 2).flatten(2))
        answered: Tensor = asking + self.layer(self.between(asking))
        return answered


class Transformer(Backbone):
    """Blocks in a row."""

    def __init__(self, tokens: int, width: int, layers: int, heads: int):
        super().__init__(tokens, width)
        self.blocks = nn.ModuleList(Block(width, heads) for _ in range(layers))

    @property
    def stages(self) -> list[nn.Module]:
        return list(self.blocks)

    def states(self, embedded: Tensor) -> Tensor:
        for block in self.blocks[:-1]:
            embedded = block(embedded)
        return embedded

    def last_state(self, states: Tensor) -> Tensor:
        last: Tensor = self.blocks[-1](states, last_alone=True)
        return last.squeeze(1)
