"""Language models of short documents: tokens in, logits of the answer's token out."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from pipelines.language.vocabulary import LENGTH
from pipelines.supervised.classifier import Classifier

DIRECTION = "direction"  # the buffer of what a method adds to a network's states
QUESTION = 3  # the last tokens: an entity, an attribute, who answers


class Backbone(nn.Module):
    """Token and position embeddings, and the last layer; between them, what a family defines: `stages`, `states` and
    `last_state`.
    """

    def __init__(self, tokens: int, width: int):
        super().__init__()
        self.embedding = nn.Embedding(tokens, width)
        self.positions = nn.Parameter(torch.empty(LENGTH, width))
        self.norm = nn.LayerNorm(width)
        self.last = nn.Linear(width, tokens)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw embeddings as for a fresh model."""
        nn.init.normal_(self.embedding.weight, std=0.1)
        nn.init.normal_(self.positions, std=0.02)

    @property
    def stages(self) -> list[nn.Module]:
        """The parts of the network, in order."""
        raise NotImplementedError

    def states(self, embedded: Tensor) -> Tensor:
        """States [n, 9, width] halfway, of embedded documents [n, 9, width]."""
        raise NotImplementedError

    def last_state(self, states: Tensor) -> Tensor:
        """The state [n, width] at the last position at the end, of those halfway."""
        raise NotImplementedError

    def halfway(self, documents: Tensor) -> Tensor:
        """States [n, 9, width] halfway, of tokens [n, 9]."""
        return self.states(self.embedding(documents) + self.positions)


Architecture = Callable[[int], Backbone]  # of the number of tokens


class LanguageModel(Classifier):
    """Logits [n, tokens] of the answer to documents [n, 9]."""

    backbone: Backbone

    @property
    def stages(self) -> list[nn.Module]:
        return self.backbone.stages

    @property
    def last_layer(self) -> nn.Linear:
        return self.backbone.last

    def features(self, inputs: Tensor) -> Tensor:
        state: Tensor = self.backbone.norm(self.backbone.last_state(self.backbone.halfway(inputs)))
        return state


def build(architecture: Architecture, tokens: int, seed: int) -> Classifier:
    """A freshly initialised model; its weights depend on the architecture and the seed alone."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return LanguageModel(architecture(tokens))
