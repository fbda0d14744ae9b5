"""A network that judges networks by their answers to queries learnt with it (MNTD, Xu et al. 2019, arXiv 1910.03137).

Unlike there, classes are put in the order of their mean answer: every trojan has a target of its own, and what was
learnt of one should hold for another.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.func import functional_call, vmap
from torch.nn.functional import binary_cross_entropy_with_logits

from .detection import Detector
from .networks import fresh
from .population import Population

Stacked = Mapping[str, Tensor]  # the weights of several networks, by name


@dataclass(frozen=True)
class Training:
    """How the judge is made and trained: its queries, its hidden units, and Adam over batches of networks."""

    queries: int = 10
    hidden: int = 20
    epochs: int = 100
    batch_size: int = 16
    learning_rate: float = 5e-3
    weight_decay: float = 1e-3


class Judge(nn.Module):
    """Log odds [n] of a trojan in networks of one architecture, from their answers to its queries."""

    def __init__(self, architecture: nn.Module, classes: int, size: int, training: Training):
        super().__init__()
        self.architecture = architecture.requires_grad_(False)
        self.queries = nn.Parameter(torch.rand(training.queries, 3, size, size))
        self.layers = nn.Sequential(
            nn.Linear(training.queries * classes, training.hidden), nn.ReLU(), nn.Linear(training.hidden, 1)
        )

    def answers(self, weights: Stacked) -> Tensor:
        """Logits [n, queries, classes] of the networks on the queries, which stay images in [0, 1]: each less the mean
        of its query's, classes by their mean over queries.
        """
        shown = self.queries.clamp(0, 1)
        logits: Tensor = vmap(lambda one: functional_call(self.architecture, one, (shown,)))(dict(weights))
        logits = logits - logits.mean(2, keepdim=True)
        order = logits.mean(1, keepdim=True).argsort(2)
        return logits.gather(2, order.expand_as(logits))

    def forward(self, weights: Stacked) -> Tensor:
        odds: Tensor = self.layers(self.answers(weights).flatten(1)).squeeze(1)
        return odds


def detector(training: Training = Training()) -> Detector:
    """Judges trained on the networks to learn from; the seed decides first weights, first queries and order."""

    def detect(seen: Population, tested: Population, seed: int) -> NDArray[np.float64]:
        judge = trained(seen, training, seed)
        with torch.inference_mode():
            odds: NDArray[np.float64] = judge(tensors(tested)).double().numpy()
        return odds

    return detect


def trained(seen: Population, training: Training, seed: int) -> Judge:
    """A judge of the architecture of the networks it learnt from."""
    weights, truth = tensors(seen), torch.from_numpy(seen.trojaned).float()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        judge = Judge(fresh(seen.classes, seen.size, 0), seen.classes, seen.size, training)
    optimiser = torch.optim.Adam(
        [weights for weights in judge.parameters() if weights.requires_grad],
        training.learning_rate,
        weight_decay=training.weight_decay,
    )
    order = torch.Generator().manual_seed(seed)
    for _ in range(training.epochs):
        for rows in torch.randperm(len(truth), generator=order).split(training.batch_size):
            odds = judge({name: value[rows] for name, value in weights.items()})
            loss = binary_cross_entropy_with_logits(odds, truth[rows])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
    return judge


def tensors(networks: Population) -> dict[str, Tensor]:
    """The networks' weights as tensors."""
    return {name: torch.from_numpy(value) for name, value in networks.weights.items()}
